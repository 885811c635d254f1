import { OctavoError } from '../errors.js';
import * as F from '../functional.js';
import { formatDims } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { ones } from './init.js';
import { checkSize } from './linear.js';
import { Module } from './module.js';
import { pythonFloat } from './repr.js';

/** Options of instance normalisation. */
export interface InstanceNormOptions {
  eps?: number;
  /** Weight and bias by channel; none when left out, as in PyTorch. */
  affine?: boolean;
}

/**
 * What the three share: every channel of every item of x [batch, numFeatures, ...spatial], or of one item without the
 * batch, has a mean and a variance of its own; float32. There are no running statistics: PyTorch's default, and what
 * it computes in training.
 */
abstract class InstanceNorm extends Module<(x: Tensor) => Tensor<'float32'>> {
  readonly numFeatures: number;
  readonly eps: number;
  weight: Tensor | null;
  bias: Tensor | null;

  constructor(numFeatures: number, { eps = 1e-5, affine = false }: InstanceNormOptions = {}) {
    super();
    checkSize(new.target.name, 'numFeatures', numFeatures);
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.weight = affine ? ones([numFeatures]) : null;
    this.bias = affine ? Tensor.zeros([numFeatures]) : null;
  }

  /** Spatial axes of the input. */
  protected abstract get axes(): number;

  forward(x: Tensor): Tensor<'float32'> {
    const { dims } = x.raw; // The rank and the channels are constants of the model.
    const single = dims.length === this.axes + 1;
    if (dims.length - (single ? 0 : 1) !== this.axes + 1 || dims.at(-this.axes - 1) !== this.numFeatures) {
      const spatial = ['depth', 'height', 'width'].slice(-this.axes).join(', ');
      throw new OctavoError(
        'INVALID_SHAPE',
        `[${this.typeName}] expected x [batch, ${this.numFeatures}, ${spatial}] or one item of it, got ${formatDims(dims)}`,
      );
    }
    const y = F.instanceNorm(single ? F.unsqueeze(x, 0) : x, this.weight, this.bias, this.eps);
    return single ? F.select(y, 0, 0) : y;
  }

  /** PyTorch prints options that exist there only; they have their defaults. */
  override extraRepr(): string {
    const affine = this.weight === null ? 'False' : 'True';
    return `${this.numFeatures}, eps=${pythonFloat(this.eps)}, momentum=0.1, affine=${affine}, track_running_stats=False`;
  }
}

/** Instance normalisation of x [batch, numFeatures, width]. */
export class InstanceNorm1d extends InstanceNorm {
  protected get axes(): number {
    return 1;
  }
}

/** Instance normalisation of x [batch, numFeatures, height, width]. */
export class InstanceNorm2d extends InstanceNorm {
  protected get axes(): number {
    return 2;
  }
}

/** Instance normalisation of x [batch, numFeatures, depth, height, width]. */
export class InstanceNorm3d extends InstanceNorm {
  protected get axes(): number {
    return 3;
  }
}
