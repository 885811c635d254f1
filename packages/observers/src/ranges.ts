import { F, type Tensor } from '@octavo/core';
import type { Range } from './uniform-qparams.js';

/** The finite range of all values, or of each index of `axis`; the empty one, +infinity to -infinity, where none is. */
export function rangeOf(x: Tensor<'float32'>, axis: number | null = null): Range {
  const { data } = F.finiteRange(x, axis).raw;
  return { min: data.slice(0, data.length / 2), max: data.slice(data.length / 2) };
}
