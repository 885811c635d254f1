import { OctavoError } from '../errors.js';
import { logSoftmax as logSoftmaxOp } from '../ops/log-softmax.js';
import * as ops from '../ops/parametric-activations.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Float, run } from './run.js';

/** x limited to [min, max], float32; NaN stays NaN, and an end that is infinite or left out is no limit. */
export function clamp(x: Tensor, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Float {
  return run(ops.clampOp, [x], { min: finite(min), max: finite(max) });
}

function finite(end: number): number {
  return Math.abs(end) === Number.POSITIVE_INFINITY ? Math.sign(end) * ops.NO_LIMIT : end;
}

/** x limited to [-1, 1], or to other ends; float32. */
export function hardtanh(x: Tensor, min = -1, max = 1): Float {
  return clamp(x, min, max);
}

/** x limited to [0, 6], float32. */
export function relu6(x: Tensor): Float {
  return clamp(x, 0, 6);
}

/** x min(max(x + 3, 0), 6) / 6, float32. */
export function hardswish(x: Tensor): Float {
  return run(ops.hardswish, [x]);
}

/** min(max(x + 3, 0), 6) / 6, float32. */
export function hardsigmoid(x: Tensor): Float {
  return run(ops.hardsigmoid, [x]);
}

/** x where x >= 0, else alpha (e^x - 1); float32. */
export function elu(x: Tensor, alpha = 1): Float {
  return run(ops.elu, [x], { alpha, inputScale: 1 });
}

/** x where x >= 0, else alpha (e^(x / alpha) - 1); float32. alpha must not be 0. */
export function celu(x: Tensor, alpha = 1): Float {
  if (alpha === 0) throw new OctavoError('INVALID_ARGUMENT', '[celu] alpha must not be 0, as x is divided by it');
  return run(ops.elu, [x], { alpha, inputScale: 1 / alpha });
}

/** x where x > 0, else x negativeSlope; float32. */
export function leakyRelu(x: Tensor, negativeSlope = 0.01): Float {
  return run(ops.leakyRelu, [x], { negativeSlope });
}

/** x / (1 + e^-x), float32; also called swish. */
export function silu(x: Tensor): Float {
  return run(ops.silu, [x]);
}

/** log(softmax(x)) along `dim`, float32. */
export function logSoftmax(x: Tensor, dim = -1): Float {
  return run(logSoftmaxOp, [x], { dim });
}
