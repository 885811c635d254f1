import { OctavoError } from '@octavo/core';
import type { Range } from './uniform-qparams.js';

const f = Math.fround;

/** How an observer joins the range of a new batch with those it remembers. */
export type JoinRanges = (seen: Range, batch: Range) => Range;

/** The smallest of the minima and the largest of the maxima. */
export const widen: JoinRanges = (seen, batch) => ({
  min: seen.min.map((low, i) => Math.min(low, batch.min[i] as number)),
  max: seen.max.map((high, i) => Math.max(high, batch.max[i] as number)),
});

/**
 * m + c (batch - m), each operation rounded to float32 (PyTorch, `MovingAverageMinMaxObserver`). A channel that saw
 * nothing yet takes the batch's range, and a batch that saw nothing changes nothing.
 */
export function movingAverage(averagingConstant: number): JoinRanges {
  const c = f(averagingConstant);
  const average = (seen: number, now: number) => {
    if (!Number.isFinite(seen)) return now;
    return Number.isFinite(now) ? f(seen + f(c * f(now - seen))) : seen;
  };
  return (seen, batch) => ({
    min: seen.min.map((low, i) => average(low, batch.min[i] as number)),
    max: seen.max.map((high, i) => average(high, batch.max[i] as number)),
  });
}

/** Refuses an averaging constant outside (0, 1]. */
export function checkAveragingConstant(observer: string, averagingConstant: number): number {
  if (averagingConstant > 0 && averagingConstant <= 1) return averagingConstant;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `[${observer}] averagingConstant must lie above 0 and at most at 1, got ${averagingConstant}`,
  );
}

/** Why moving averages are not merged: they weigh batches by their order, which shards do not have. */
export function refuseToMerge(observer: string, instead: string): never {
  throw new OctavoError(
    'UNSUPPORTED',
    `[${observer}.merge] moving averages depend on the order of all batches, which shards do not have; calibrate in one ` +
      `run, or in shards with ${instead}`,
  );
}

/** A range as JSON: infinities, which JSON lacks, become null. */
export function rangeToJSON({ min, max }: Range): { min: (number | null)[]; max: (number | null)[] } {
  const finite = (x: number) => (Number.isFinite(x) ? x : null);
  return { min: Array.from(min, finite), max: Array.from(max, finite) };
}

/** What `rangeToJSON` wrote, or an error that names the observer. */
export function rangeFromJSON(observer: string, state: Readonly<Record<string, unknown>>): Range {
  const { min, max } = state as { min?: unknown; max?: unknown };
  const isList = (list: unknown): list is (number | null)[] =>
    Array.isArray(list) && list.every((x) => x === null || Number.isFinite(x));
  if (!isList(min) || !isList(max) || min.length !== max.length) {
    throw new OctavoError(
      'INVALID_DATA',
      `[${observer}.fromJSON] expected min and max, two lists of numbers of one length, in the state`,
    );
  }
  return {
    min: Float32Array.from(min, (x) => x ?? Number.POSITIVE_INFINITY),
    max: Float32Array.from(max, (x) => x ?? Number.NEGATIVE_INFINITY),
  };
}
