import { didYouMean, OctavoError } from '@octavo/core';
import { describeQConfig, type QConfig } from './qconfig.js';

/** What was decided for a module. */
export interface QConfigDecision {
  /** Null where it stays float. */
  readonly qconfig: QConfig | null;
  /** The key of the dictionary, or the rule of the mapping, that decides; null where none does. */
  readonly key: string | null;
  /** Why: `its own entry`, `no entry covers it`. */
  readonly reason: string;
}

/** What a dictionary or a mapping means for each module of a model, and why. */
export class QConfigResolution {
  constructor(private readonly decisions: ReadonlyMap<string, QConfigDecision>) {}

  /** The qconfig of a module, or null where it stays float. */
  get(path: string): QConfig | null {
    return this.decision(path).qconfig;
  }

  /** The key of the dictionary, or the rule of the mapping, that decides for a module; null where none does. */
  keyOf(path: string): string | null {
    return this.decision(path).key;
  }

  /** What a module gets and why: `perRowDynamicQConfig: the entry of 'sub'`, `float: its entry is null`. */
  explain(path: string): string {
    const { qconfig, reason } = this.decision(path);
    return `${qconfig === null ? 'float' : describeQConfig(qconfig)}: ${reason}`;
  }

  /** Why a module gets what it gets: `the entry of 'sub'`, `its entry is null`, `no entry covers it`. */
  reason(path: string): string {
    return this.decision(path).reason;
  }

  /** Every path with its qconfig. */
  *[Symbol.iterator](): Generator<[string, QConfig | null]> {
    for (const [path, { qconfig }] of this.decisions) yield [path, qconfig];
  }

  private decision(path: string): QConfigDecision {
    const decision = this.decisions.get(path);
    if (decision !== undefined) return decision;
    throw new OctavoError('UNKNOWN_NAME', `no module '${path}'${didYouMean(path, this.decisions.keys())}`);
  }
}
