import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { isPackedParams, OctavoError } from '@octavo/core';
import type { Graph } from '../ir/graph.js';

/** What identifies a search: the prepared graph, its weights and what its observers have seen. */
export function fingerprintOf(prepared: Graph, maxDrop: number): string {
  const hash = createHash('sha256').update(prepared.print()).update(String(maxDrop));
  for (const [name, operand] of prepared.parameters) {
    if (isPackedParams(operand)) continue;
    const { buffer, byteOffset, byteLength } = operand.raw.data;
    hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  for (const { observer } of prepared.observers.values()) hash.update(JSON.stringify(observer?.toJSON() ?? null));
  return hash.digest('hex');
}

/** Metrics that were measured, by the name of what was measured; kept in a file where one is given. */
export class TrialMemory {
  private constructor(
    private readonly file: string | undefined,
    private readonly fingerprint: string,
    private readonly metrics: Map<string, number>,
  ) {}

  /** Reads the file if it is there. One of another search is refused, not overwritten. */
  static async open(file: string | undefined, fingerprint: string): Promise<TrialMemory> {
    const text = file === undefined ? undefined : await readFile(file, 'utf8').catch(absent);
    if (text === undefined) return new TrialMemory(file, fingerprint, new Map());
    const saved = parse(text);
    if (saved === undefined) {
      throw new OctavoError(
        'INVALID_FILE',
        `${file}: expected what an accuracy search wrote; give another file, or delete it`,
      );
    }
    if (saved.fingerprint !== fingerprint) {
      throw new OctavoError(
        'INVALID_FILE',
        `${file}: this search had another model, qconfig, calibration data or maxDrop; give another file, or delete it`,
      );
    }
    return new TrialMemory(file, fingerprint, new Map(Object.entries(saved.metrics)));
  }

  /** The metric of that name, measured if it is not known. */
  async recall(name: string, measure: () => Promise<number>): Promise<number> {
    const known = this.metrics.get(name);
    if (known !== undefined) return known;
    const metric = await measure();
    this.metrics.set(name, metric);
    await this.save();
    return metric;
  }

  /** Written beside the file and renamed, so that an interruption leaves the old one. */
  private async save(): Promise<void> {
    if (this.file === undefined) return;
    const text = JSON.stringify({ fingerprint: this.fingerprint, metrics: Object.fromEntries(this.metrics) }, null, 1);
    await writeFile(`${this.file}.part`, text);
    await rename(`${this.file}.part`, this.file);
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

function parse(text: string): { fingerprint: string; metrics: Record<string, number> } | undefined {
  try {
    const { fingerprint, metrics } = JSON.parse(text);
    const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value);
    const valid =
      typeof fingerprint === 'string' && typeof metrics === 'object' && Object.values(metrics).every(isNumber);
    return valid ? { fingerprint, metrics } : undefined;
  } catch {
    return undefined;
  }
}
