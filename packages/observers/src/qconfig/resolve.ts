import { didYouMean, OctavoError } from '@octavo/core';
import { describeQConfig, isQConfig, type QConfig } from './qconfig.js';

/**
 * Qconfigs by dotted module path: `{ '': a, 'sub': b, 'sub.fc1': c, 'sub.fc2': null }`. '' is the whole model; null
 * keeps a module and all below it float.
 */
export type QConfigDict = Readonly<Record<string, QConfig | null>>;

/** What a dictionary means for each module of a model, and why. */
export class QConfigResolution {
  /** The key that decides for each path; null where none does. */
  private readonly keys: ReadonlyMap<string, string | null>;

  constructor(
    private readonly dict: QConfigDict,
    paths: Iterable<string>,
  ) {
    this.keys = new Map([...paths].map((path) => [path, decidingKey(dict, path)]));
  }

  /** The qconfig of a module, or null where it stays float. */
  get(path: string): QConfig | null {
    const key = this.keyOf(path);
    return key === null ? null : (this.dict[key] as QConfig | null);
  }

  /** The key of the dictionary that decides for a module; null where none names it or a module around it. */
  keyOf(path: string): string | null {
    const key = this.keys.get(path);
    if (key !== undefined) return key;
    throw new OctavoError('UNKNOWN_NAME', `no module '${path}'${didYouMean(path, this.keys.keys())}`);
  }

  /** What a module gets and why: `perRowDynamicQConfig: the entry of 'sub'`, `float: its entry is null`. */
  explain(path: string): string {
    const qconfig = this.get(path);
    return `${qconfig === null ? 'float' : describeQConfig(qconfig)}: ${this.reason(path)}`;
  }

  /** Why a module gets what it gets: `the entry of 'sub'`, `its entry is null`, `no entry covers it`. */
  reason(path: string): string {
    const key = this.keyOf(path);
    if (key === null) return 'no entry covers it';
    const entry = key === path ? 'its own entry' : `the entry of ${place(key)}`;
    return this.dict[key] === null ? `${entry} is null` : entry;
  }

  /** Every path with its qconfig. */
  *[Symbol.iterator](): Generator<[string, QConfig | null]> {
    for (const path of this.keys.keys()) yield [path, this.get(path)];
  }
}

/**
 * The rules of PyTorch's graph mode (insert_observers.cpp, `fillQConfigMap`): a module takes the value of its own key,
 * or else of the nearest key above it; null stops, and is inherited. Keys that name no module are errors here, where
 * PyTorch ignores them. `modulePaths` are those of all modules, '' among them.
 */
export function resolveQConfig(dict: QConfigDict, modulePaths: Iterable<string>): QConfigResolution {
  const paths = [...modulePaths];
  const known = new Set(paths).add('');
  for (const [key, value] of Object.entries(dict)) {
    if (!known.has(key)) {
      throw new OctavoError(
        'UNKNOWN_NAME',
        `qconfig for '${key}': the model has no such module${didYouMean(key, known)}`,
        {
          details: { key, known: [...known] },
        },
      );
    }
    if (value !== null && !isQConfig(value)) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `qconfig for ${place(key)}: expected a qconfig such as perRowDynamicQConfig, or null to keep it float; got ` +
          `${typeof value === 'string' ? `'${value}' (qconfigByName('${value}') looks names up)` : String(value)}`,
      );
    }
  }
  return new QConfigResolution({ ...dict }, paths);
}

/** The longest key that is the path or a whole-name prefix of it. */
function decidingKey(dict: QConfigDict, path: string): string | null {
  for (let key = path; ; ) {
    if (Object.hasOwn(dict, key)) return key;
    if (key === '') return null;
    const dot = key.lastIndexOf('.');
    key = dot < 0 ? '' : key.slice(0, dot);
  }
}

function place(path: string): string {
  return path === '' ? 'the model' : `'${path}'`;
}
