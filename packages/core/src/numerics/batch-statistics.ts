import { OctavoError } from '../errors.js';
import { formatDims, sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';

/** Mean and variance of each channel of a batch. */
export interface BatchStatistics {
  /** float32 [channels]. */
  readonly mean: Tensor<'float32'>;
  /** float32 [channels], with the count in its divisor. */
  readonly variance: Tensor<'float32'>;
  /** Elements a channel. */
  readonly count: number;
}

/**
 * The statistics of x [batch, channels, ...], float32, by which batch normalisation trains: sums in double, in the order
 * of memory, of x and then of (x - mean)^2, divided and rounded to float32 once (ATen's `batch_norm_cpu_update_stats`).
 * A channel needs more than one element, as in PyTorch.
 */
export function batchStatistics(x: Tensor): BatchStatistics {
  const { dims } = x.raw;
  const channels = dims[1] as number;
  const plane = sizeOf(dims.slice(2));
  const count = (dims[0] as number) * plane;
  if (x.type !== 'float32' || dims.length < 2 || count < 2) {
    throw new OctavoError(
      'INVALID_SHAPE',
      `[batchStatistics] expected a float32 x [batch, channels, ...] with more than one element a channel, got ${x.type} ` +
        formatDims(dims),
    );
  }
  const data = x.raw.data as Float32Array;
  const sum = (channel: number, value: (x: number) => number): number => {
    let total = 0;
    for (let start = channel * plane; start < data.length; start += channels * plane) {
      for (let i = start; i < start + plane; i++) total += value(data[i] as number);
    }
    return total;
  };
  const mean = new Float32Array(channels);
  const variance = new Float32Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    const exact = sum(channel, (each) => each) / count;
    mean[channel] = exact;
    variance[channel] = sum(channel, (each) => (each - exact) ** 2) / count;
  }
  return {
    mean: new Tensor('float32', mean, [channels]),
    variance: new Tensor('float32', variance, [channels]),
    count,
  };
}
