import { OctavoError } from '../errors.js';
import { ACTIVATIONS, type ActivationName } from '../ops/activation.js';
import { batchNorm as batchNormOp } from '../ops/batch-norm.js';
import * as ops from '../ops/conv.js';
import { type PerAxis, paddings, perAxis } from '../tensor/conv-geometry.js';
import { formatDims } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Float, run } from './run.js';

/** How a convolution moves over its input. */
export interface ConvMotion {
  /** 1 when left out. */
  readonly stride?: PerAxis;
  /** 0 when left out. One for each axis, or [begin..., end...] as ONNX's pads. */
  readonly padding?: PerAxis;
  /** 1 when left out. */
  readonly dilation?: PerAxis;
  /** 1 when left out. */
  readonly groups?: number;
}

export interface ConvFunctionOptions extends ConvMotion {
  /** Applied to each output, as the op of that name. */
  readonly activation?: ActivationName;
}

export interface ConvTransposeFunctionOptions extends ConvMotion {
  /** Added to the end of each axis of the output; 0 when left out. */
  readonly outputPadding?: PerAxis;
}

function motion(where: string, weight: Tensor, rank: number, options: ConvMotion) {
  if (weight.raw.dims.length !== rank + 2) {
    const axes = ['depth', 'height', 'width'].slice(-rank).join(', ');
    throw new OctavoError(
      'INVALID_SHAPE',
      `[${where}] expected a weight of rank ${rank + 2} with kernel axes ${axes}, got ${formatDims(weight.raw.dims)}`,
    );
  }
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  return {
    stride: perAxis(where, 'stride', stride, rank, 1),
    padding: paddings(where, padding, rank),
    dilation: perAxis(where, 'dilation', dilation, rank, 1),
    groups,
  };
}

type Conv<O> = (x: Tensor, weight: Tensor, bias?: Tensor | null, options?: O) => Float;

function conv(rank: number): Conv<ConvFunctionOptions> {
  return (x, weight, bias, { activation = 'none', ...options } = {}) =>
    run(ops.conv, [x, weight, bias], {
      ...motion(`conv${rank}d`, weight, rank, options),
      activation: ACTIVATIONS[activation].code,
    });
}

function convTranspose(rank: number): Conv<ConvTransposeFunctionOptions> {
  const where = `convTranspose${rank}d`;
  return (x, weight, bias, { outputPadding = 0, ...options } = {}) =>
    run(ops.convTranspose, [x, weight, bias], {
      ...motion(where, weight, rank, options),
      outputPadding: perAxis(where, 'outputPadding', outputPadding, rank, 0),
    });
}

/** Convolution: x [batch, in, width], weight [out, in / groups, kernel], bias [out] -> [batch, out, ...], float32. */
export const conv1d: Conv<ConvFunctionOptions> = conv(1);
/** Convolution of x [batch, in, height, width]; see `conv1d`. */
export const conv2d: Conv<ConvFunctionOptions> = conv(2);
/** Convolution of x [batch, in, depth, height, width]; see `conv1d`. */
export const conv3d: Conv<ConvFunctionOptions> = conv(3);

/** Transposed convolution: x [batch, in, width], weight [in, out / groups, kernel], bias [out] -> [batch, out, ...]. */
export const convTranspose1d: Conv<ConvTransposeFunctionOptions> = convTranspose(1);
/** Transposed convolution of x [batch, in, height, width]; see `convTranspose1d`. */
export const convTranspose2d: Conv<ConvTransposeFunctionOptions> = convTranspose(2);
/** Transposed convolution of x [batch, in, depth, height, width]; see `convTranspose1d`. */
export const convTranspose3d: Conv<ConvTransposeFunctionOptions> = convTranspose(3);

/**
 * weight (x - runningMean) / sqrt(runningVar + eps) + bias, channel by channel: x [batch, channels, ...], the others
 * [channels], float32. The order of roundings stands with `aten::batch_norm`.
 */
export function batchNorm(
  x: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  weight?: Tensor | null,
  bias?: Tensor | null,
  eps = 1e-5,
): Float {
  return run(batchNormOp, [x, weight, bias, runningMean, runningVar], { eps });
}
