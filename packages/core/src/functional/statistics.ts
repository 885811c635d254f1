import { mean as meanOp } from '../ops/mean.js';
import { groupNorm as groupNormOp } from '../ops/normalize.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Float, run } from './run.js';

/** The mean over `dims`, a list or one, all of them when left out; float32. `keepDim` keeps them as dims of 1. */
export function mean(x: Tensor, dims: number | readonly number[] = [], { keepDim = false } = {}): Float {
  return run(meanOp, [x], { dims: typeof dims === 'number' ? [dims] : dims, keepDim: keepDim ? 1 : 0 });
}

/** Each of `groups` groups of channels of x [batch, channels, ...] normalised; weight and bias [channels]. float32. */
export function groupNorm(x: Tensor, groups: number, weight?: Tensor | null, bias?: Tensor | null, eps = 1e-5): Float {
  return run(groupNormOp, [x, weight, bias], { groups, eps });
}

/** Every channel of every item of x [batch, channels, ...] normalised on its own; weight and bias [channels]. float32. */
export function instanceNorm(x: Tensor, weight?: Tensor | null, bias?: Tensor | null, eps = 1e-5): Float {
  // The number of channels is a constant of the model, not a size that a batch changes.
  return groupNorm(x, x.raw.dims[1] ?? 1, weight, bias, eps);
}
