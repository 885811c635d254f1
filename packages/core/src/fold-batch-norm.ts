import { OctavoError } from './errors.js';
import { checkAxis, type Dims, formatDims, sizeOf } from './tensor/shape.js';
import { Tensor } from './tensor/tensor.js';

const f = Math.fround;

/** What a batch norm holds of each channel: float32 [channels]. */
export interface BatchNormParameters {
  readonly mean: Tensor;
  readonly variance: Tensor;
  /** Ones where null. */
  readonly gamma: Tensor | null;
  /** Zeros where null. */
  readonly beta: Tensor | null;
  readonly eps: number;
}

/**
 * The weight and bias of a linear or convolution that has the batch norm behind it within: PyTorch 2.5's
 * `fuse_conv_bn_weights`, bit for bit. float32, rounded after every operation; with r = 1 / sqrt(variance + eps),
 *
 * weight' = weight * (gamma * r), bias' = ((bias - mean) * r) * gamma + beta.
 *
 * `channelAxis` is the weight's axis of output channels: 0, or 1 of a transposed convolution without groups.
 */
export function foldBatchNorm(
  weight: Tensor,
  bias: Tensor | null,
  { mean, variance, gamma, beta, eps }: BatchNormParameters,
  { channelAxis = 0 }: { channelAxis?: number } = {},
): { weight: Tensor<'float32'>; bias: Tensor<'float32'> } {
  const { dims } = weight.raw;
  const axis = checkAxis(channelAxis, dims.length, 'foldBatchNorm');
  const channels = dims[axis] as number;
  const weights = values('weight', weight, dims);
  const perChannel = (name: string, tensor: Tensor): Float32Array => values(name, tensor, [channels]);
  const [means, variances] = [perChannel('mean', mean), perChannel('variance', variance)];
  const gammas = gamma === null ? new Float32Array(channels).fill(1) : perChannel('gamma', gamma);
  const betas = beta === null ? new Float32Array(channels) : perChannel('beta', beta);
  const biases = bias === null ? new Float32Array(channels) : perChannel('bias', bias);

  const inverses = variances.map((v) => f(1 / f(Math.sqrt(f(v + f(eps))))));
  const scales = gammas.map((g, i) => f(g * (inverses[i] as number)));
  const inner = sizeOf(dims.slice(axis + 1));
  const folded = weights.map((w, i) => f(w * (scales[Math.floor(i / inner) % channels] as number)));
  const shifted = biases.map((b, i) => {
    const normalized = f(f(b - (means[i] as number)) * (inverses[i] as number));
    return f(f(normalized * (gammas[i] as number)) + (betas[i] as number));
  });
  return { weight: new Tensor('float32', folded, dims), bias: new Tensor('float32', shifted, [channels]) };
}

function values(name: string, { type, raw }: Tensor, expected: Dims): Float32Array {
  if (type === 'float32' && raw.dims.join() === expected.join()) return raw.data as Float32Array;
  throw new OctavoError(
    'INVALID_SHAPE',
    `[foldBatchNorm] expected ${name} float32 ${formatDims(expected)}, got ${type} ${formatDims(raw.dims)}; ` +
      'channelAxis must be the axis of output channels in the weight',
  );
}
