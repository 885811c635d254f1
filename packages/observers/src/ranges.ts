import { type Dims, sizeOf } from '@octavo/core';
import type { Range } from './uniform-qparams.js';

// Ranges of what a tensor holds. NaN and infinities do not count: a range comes from finite values. Where none is
// finite the range is the empty one, from +infinity down to -infinity, which leaves any other range as it is.
// A bound of -0 is made +0 (by adding 0): which zero a minimum meets first must not show.

/** The range of all values. */
export function rangeOf(values: ArrayLike<number>): Range {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const x = values[i] as number;
    if (x - x !== 0) continue;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  return { min: Float32Array.of(low + 0), max: Float32Array.of(high + 0) };
}

/** One range for each index of `axis`. */
export function channelRanges(values: ArrayLike<number>, dims: Dims, axis: number): Range {
  const channels = dims[axis] as number;
  const inner = sizeOf(dims.slice(axis + 1));
  const min = new Float32Array(channels).fill(Number.POSITIVE_INFINITY);
  const max = new Float32Array(channels).fill(Number.NEGATIVE_INFINITY);
  for (let start = 0, channel = 0; start < values.length; start += inner, channel = (channel + 1) % channels) {
    let low = min[channel] as number;
    let high = max[channel] as number;
    for (let i = start; i < start + inner; i++) {
      const x = values[i] as number;
      if (x - x !== 0) continue;
      if (x < low) low = x;
      if (x > high) high = x;
    }
    min[channel] = low + 0;
    max[channel] = high + 0;
  }
  return { min, max };
}
