import { OctavoError } from '../errors.js';
import { type ConvGeometry, checkOutputPadding, type PerAxis, paddings, perAxis } from '../tensor/conv-geometry.js';
import { sizeOf } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { uniform } from './init.js';
import { checkSize } from './linear.js';
import { Module } from './module.js';
import { pythonTuple } from './repr.js';

/** Options of a convolution module; lists hold one number for each spatial axis. */
export interface ConvModuleOptions {
  /** 1 when left out. */
  readonly stride?: PerAxis;
  /** 0 when left out. One for each axis, or [begin..., end...]: TensorFlow's SAME is asymmetric. */
  readonly padding?: PerAxis;
  /** 1 when left out. */
  readonly dilation?: PerAxis;
  /** 1 when left out; it divides both numbers of channels. */
  readonly groups?: number;
  /** True when left out. */
  readonly bias?: boolean;
}

export interface ConvTransposeModuleOptions extends ConvModuleOptions {
  /** Added to the end of each axis of the output; 0 when left out. */
  readonly outputPadding?: PerAxis;
}

/**
 * What convolution modules share, plain and transposed. weight [out, in / groups, ...kernel], transposed
 * [in, out / groups, ...kernel]; bias [out] or null. Both start uniform in +-1 / sqrt(weight.dims[1] * kernel
 * positions), as PyTorch's.
 */
export abstract class ConvNd extends Module<(x: Tensor) => Tensor<'float32'>> implements ConvGeometry {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** [begin..., end...]. */
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly outputPadding: readonly number[];
  weight: Tensor;
  bias: Tensor | null;

  constructor(
    rank: number,
    inChannels: number,
    outChannels: number,
    kernel: PerAxis,
    readonly transposed: boolean,
    options: ConvTransposeModuleOptions,
  ) {
    super();
    const where = this.typeName;
    checkSize(where, 'inChannels', inChannels);
    checkSize(where, 'outChannels', outChannels);
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, outputPadding = 0 } = options;
    if (!Number.isInteger(groups) || groups < 1 || inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${where}] groups must divide the ${inChannels} input and ${outChannels} output channels, got ${groups}`,
      );
    }
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernel = perAxis(where, 'kernel', kernel, rank, 1);
    this.stride = perAxis(where, 'stride', stride, rank, 1);
    this.padding = paddings(where, padding, rank);
    this.dilation = perAxis(where, 'dilation', dilation, rank, 1);
    this.groups = groups;
    this.outputPadding = perAxis(where, 'outputPadding', outputPadding, rank, 0);
    checkOutputPadding(where, this);
    const [first, second] = transposed ? [inChannels, outChannels] : [outChannels, inChannels];
    const fanIn = (second / groups) * sizeOf(this.kernel);
    const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
    this.weight = uniform([first, second / groups, ...this.kernel], bound);
    this.bias = bias ? uniform([outChannels], bound) : null;
  }

  override extraRepr(): string {
    const rank = this.kernel.length;
    const [begin, end] = [this.padding.slice(0, rank), this.padding.slice(rank)];
    const padding = begin.join() === end.join() ? begin : this.padding;
    return [
      `${this.inChannels}, ${this.outChannels}, kernel_size=${pythonTuple(this.kernel)}`,
      `stride=${pythonTuple(this.stride)}`,
      ...(padding.some((p) => p !== 0) ? [`padding=${pythonTuple(padding)}`] : []),
      ...(this.dilation.some((d) => d !== 1) ? [`dilation=${pythonTuple(this.dilation)}`] : []),
      ...(this.outputPadding.some((p) => p !== 0) ? [`output_padding=${pythonTuple(this.outputPadding)}`] : []),
      ...(this.groups === 1 ? [] : [`groups=${this.groups}`]),
      ...(this.bias === null ? ['bias=False'] : []),
    ].join(', ');
  }
}
