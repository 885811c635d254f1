import { OctavoError } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { convert } from '../quantize/convert.js';
import { checkStage } from '../quantize/stage.js';
import type { Feeds } from '../run/check-feeds.js';
import { mean, outputsOf, relativeErrors } from './output-error.js';
import { type QuantizerGroup, quantizerGroups, withoutGroups } from './quantizer-groups.js';

export interface SensitivityOptions {
  signal?: AbortSignal;
  /** Called after every group with the number of groups done and their number. */
  onProgress?: (done: number, groups: number) => void;
}

/** What quantizing one group alone does to the model's outputs. */
export interface SensitivityRow extends QuantizerGroup {
  /** Mean squared error of the outputs over their mean square; 0 where they are equal. */
  readonly error: number;
  /** The same as signal to noise in dB: -10 log10(error). */
  readonly sqnr: number;
}

/**
 * How much each part of a model suffers from int8: quantizes one group of quantizers at a time, all else float, and
 * compares the outputs with the float ones on `data`. `prepared` is a graph from `prepare` that has been calibrated.
 * Rows come worst first.
 */
export async function sensitivity(
  prepared: Graph,
  data: Iterable<Feeds>,
  { signal, onProgress }: SensitivityOptions = {},
): Promise<SensitivityRow[]> {
  checkStage('sensitivity', prepared, 'prepared');
  const batches = [...data];
  if (batches.length === 0)
    throw new OctavoError('INVALID_ARGUMENT', '[sensitivity] expected batches of feeds, got none');
  const groups = quantizerGroups(prepared);
  const all = groups.map(({ observer }) => observer);
  const float = await outputsOf(convert(withoutGroups(prepared, new Set(all)), { inplace: true }), batches, signal);
  const rows: SensitivityRow[] = [];
  for (const group of groups) {
    const others = new Set(all.filter((observer) => observer !== group.observer));
    const graph = convert(withoutGroups(prepared, others, { emulated: true }), { inplace: true });
    const error = mean(relativeErrors(float, await outputsOf(graph, batches, signal)));
    rows.push({ ...group, error, sqnr: -10 * Math.log10(error) });
    onProgress?.(rows.length, groups.length);
  }
  return rows.sort((a, b) => b.error - a.error);
}
