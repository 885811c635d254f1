import { OctavoError } from '@octavo/core';

/**
 * The median of `values`, in their unit: the middle one in order of size, or the mean of the two middle ones.
 * `values` is left as it is.
 *
 * @throws OctavoError INVALID_ARGUMENT when there is no value, INVALID_DATA when one is NaN.
 */
export function median(values: ArrayLike<number>): number {
  if (values.length === 0) {
    throw new OctavoError('INVALID_ARGUMENT', 'median: expected at least one value, got none; measure something first');
  }
  // A typed array sorts by size; Array.prototype.sort would sort by spelling.
  const sorted = Float64Array.from(values).sort();
  // NaN sorts last.
  if (Number.isNaN(sorted[sorted.length - 1])) {
    throw new OctavoError('INVALID_DATA', `median: expected numbers, got NaN among ${sorted.length} values`);
  }
  const upper = sorted.length >> 1;
  const high = sorted[upper] as number;
  return sorted.length % 2 === 1 ? high : ((sorted[upper - 1] as number) + high) / 2;
}
