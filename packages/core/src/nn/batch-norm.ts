import { OctavoError } from '../errors.js';
import * as F from '../functional.js';
import { batchStatistics } from '../numerics/batch-statistics.js';
import { activeRecorder } from '../ops/recorder.js';
import { formatDims } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { ones } from './init.js';
import { checkSize } from './linear.js';
import { Module } from './module.js';
import { pythonBool, pythonFloat } from './repr.js';

const f = Math.fround;

export interface BatchNormOptions {
  /** 1e-5 when left out. */
  readonly eps?: number;
  /** The share of a new batch in the running statistics; 0.1 when left out. */
  readonly momentum?: number;
  /** Whether there are a weight and a bias; true when left out. */
  readonly affine?: boolean;
}

/**
 * What batch norms share: x [batch, channels, ...] -> the same dims, float32. In evaluation mode x is normalised by the
 * running statistics. In training mode it is by the statistics of the batch, and running_mean and running_var move
 * towards them by `momentum`: f(f(momentum * new) + f((1 - momentum) * old)), the variance with n - 1 in its divisor.
 * weight and running_var start at ones, bias and running_mean at zeros; `num_batches_tracked` of PyTorch is not kept.
 */
export abstract class BatchNorm extends Module<(x: Tensor) => Tensor<'float32'>> {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number;
  weight: Tensor | null;
  bias: Tensor | null;
  running_mean: Tensor;
  running_var: Tensor;

  constructor(
    private readonly ranks: readonly number[],
    numFeatures: number,
    { eps = 1e-5, momentum = 0.1, affine = true }: BatchNormOptions = {},
  ) {
    super();
    Object.defineProperty(this, 'ranks', { enumerable: false });
    checkSize(this.typeName, 'numFeatures', numFeatures);
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? ones([numFeatures]) : null;
    this.bias = affine ? Tensor.zeros([numFeatures]) : null;
    this.running_mean = Tensor.zeros([numFeatures]);
    this.running_var = ones([numFeatures]);
    this.buffers.add('running_mean').add('running_var');
  }

  override get ignoredState(): readonly string[] {
    return ['num_batches_tracked'];
  }

  forward(x: Tensor): Tensor<'float32'> {
    const { dims } = x.raw;
    if (!this.ranks.includes(dims.length)) {
      throw new OctavoError(
        'INVALID_SHAPE',
        `[${this.typeName}] expected x of rank ${this.ranks.join(' or ')}, got ${formatDims(dims)}`,
      );
    }
    if (!this.training) return F.batchNorm(x, this.running_mean, this.running_var, this.weight, this.bias, this.eps);
    if (activeRecorder() !== null) {
      throw new OctavoError(
        'TRACE_FAILED',
        `[${this.typeName}] a trace cannot hold the statistics of a batch; call model.eval() first`,
      );
    }
    const { mean, variance, count } = batchStatistics(x);
    this.running_mean = this.moved(this.running_mean, mean, 1);
    this.running_var = this.moved(this.running_var, variance, count / (count - 1));
    return F.batchNorm(x, mean, variance, this.weight, this.bias, this.eps);
  }

  private moved(old: Tensor, batch: Tensor<'float32'>, factor: number): Tensor {
    const { momentum } = this;
    const before = old.raw.data as Float32Array;
    const data = batch.raw.data.map(
      (x, i) => f(f(momentum) * f(x * factor)) + f(f(1 - momentum) * (before[i] as number)),
    );
    return new Tensor('float32', data, batch.raw.dims);
  }

  override extraRepr(): string {
    const affine = pythonBool(this.weight !== null);
    const { eps, momentum } = this;
    return (
      `${this.numFeatures}, eps=${pythonFloat(eps)}, momentum=${pythonFloat(momentum)}, affine=${affine}, ` +
      'track_running_stats=True'
    );
  }
}

/** Batch normalisation of x [batch, channels] or [batch, channels, width]. */
export class BatchNorm1d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super([2, 3], numFeatures, options);
  }
}

/** Batch normalisation of x [batch, channels, height, width]. */
export class BatchNorm2d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super([4], numFeatures, options);
  }
}

/** Batch normalisation of x [batch, channels, depth, height, width]. */
export class BatchNorm3d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super([5], numFeatures, options);
  }
}
