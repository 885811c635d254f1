import { finiteRangeOp, histc as histcOp, WHOLE } from '../ops/histogram.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Float, run } from './run.js';

/** How many values of x fall into each of `bins` equal bins between min and max, float32 [bins]: `torch.histc`. */
export function histc(x: Tensor, { bins, min, max }: { bins: number; min: number; max: number }): Float {
  return run(histcOp, [x], { bins, min, max });
}

/** The smallest and largest finite values of x, float32 [2, 1], or [2, n] for each index of `axis`. */
export function finiteRange(x: Tensor, axis: number | null = null): Float {
  return run(finiteRangeOp, [x], { axis: axis ?? WHOLE });
}
