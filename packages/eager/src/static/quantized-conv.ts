import {
  ConvPackedParams,
  Module,
  type nn,
  Q,
  QuantizedTensor,
  type StateDict,
  type StaticActivation,
  Tensor,
} from '@octavo/core';
import { defaultWeightObserver, type QConfig, quantizeWeight } from '@octavo/observers';
import { packedState, weightFromState } from '../dynamic/packed-state.js';
import { loadOutputState, outputState } from './output-state.js';

/** Enough to build a `QuantizedConv` that a state dict fills. */
export interface QuantizedConvConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** [begin..., end...]. */
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly transposed: boolean;
  readonly outputPadding: readonly number[];
  readonly bias: boolean;
  /** One weight scale an output channel, or one for the weight. */
  readonly perChannel: boolean;
  readonly activation: StaticActivation;
}

/**
 * A convolution on codes over 1, 2 or 3 spatial axes, plain or transposed: x quint8 [batch, in, ...spatial] -> quint8
 * [batch, out, ...] of the calibrated scale and zero point, with a relu or relu6 in it where it was fused (PyTorch,
 * torch/ao/nn/quantized/modules/conv.py). The arithmetic is core's `quantized::conv` and `quantized::conv_transpose`;
 * asymmetric padding is part of it.
 *
 * Its state dict has PyTorch's keys, tensors only: `weight` int8, `weight_scales` and `weight_zero_points` ([out] or
 * []), `bias` float32 [out] where there is one, `scale` and `zero_point`.
 */
export class QuantizedConv extends Module<(x: QuantizedTensor) => QuantizedTensor> {
  /** @internal For `nn.Sequential`: neither its input nor its output is reachable from it after a call. */
  static readonly keepsNothing = true;

  packed: ConvPackedParams;
  scale: number;
  zeroPoint: number;
  readonly activation: StaticActivation;

  constructor(packed: ConvPackedParams, output: Q.OutputQParams, activation: StaticActivation = 'none') {
    super();
    this.packed = packed;
    this.scale = output.scale;
    this.zeroPoint = output.zeroPoint;
    this.activation = activation;
  }

  /**
   * The int8 form of a float convolution, by a qconfig's weight observer and the output's qparams. Transposed ones have
   * weights per tensor whatever the qconfig says, as PyTorch's mapping gives them.
   */
  static fromFloat(
    conv: nn.ConvNd,
    qconfig: QConfig,
    output: Q.OutputQParams,
    activation: StaticActivation = 'none',
  ): QuantizedConv {
    const weights = conv.transposed ? { ...qconfig, weight: defaultWeightObserver } : qconfig;
    return new QuantizedConv(
      new ConvPackedParams(quantizeWeight(conv.weight, weights), conv.bias, conv),
      output,
      activation,
    );
  }

  /** A convolution of zeros that a state dict is loaded into. */
  static fromConfig({ bias, perChannel, activation, ...geometry }: QuantizedConvConfig): QuantizedConv {
    const { inChannels, outChannels, kernel, groups, transposed } = geometry;
    const [first, second] = transposed ? [inChannels, outChannels] : [outChannels, inChannels];
    const count = perChannel ? outChannels : 1;
    const weight = new QuantizedTensor('qint8', Tensor.zeros([first, second / groups, ...kernel], 'int8'), {
      scales: new Float32Array(count).fill(1),
      zeroPoints: new Int32Array(count),
      axis: perChannel ? 0 : null,
    });
    const packed = new ConvPackedParams(weight, bias ? Tensor.zeros([outChannels]) : null, geometry);
    return new QuantizedConv(packed, { scale: 1, zeroPoint: 0 }, activation);
  }

  get config(): QuantizedConvConfig {
    const { inChannels, outChannels, kernel, stride, padding, dilation, groups, transposed, outputPadding } =
      this.packed;
    return {
      ...{ inChannels, outChannels, kernel, stride, padding, dilation, groups, transposed, outputPadding },
      bias: this.bias !== null,
      perChannel: this.weight.axis !== null,
      activation: this.activation,
    };
  }

  /** The int8 weight with its scales. */
  get weight(): QuantizedTensor {
    return this.packed.weight;
  }

  get bias(): Tensor<'float32'> | null {
    return this.packed.bias;
  }

  forward(x: QuantizedTensor): QuantizedTensor {
    return this.packed.transposed ? Q.convTranspose(x, this.packed, this) : Q.conv(x, this.packed, this);
  }

  /** PyTorch's name where it has one; relu6 is fused here only. */
  override get typeName(): string {
    const { rank, transposed } = this.packed;
    const base = `Quantized${transposed ? 'ConvTranspose' : 'Conv'}`;
    if (this.activation === 'relu6') return `${base}${rank}dReLU6`;
    return `${base}${this.activation === 'relu' ? 'ReLU' : ''}${rank}d`;
  }

  override extraRepr(): string {
    const { inChannels, outChannels, kernel, stride, padding, dilation, groups, outputPadding, rank } = this.packed;
    const [begin, end] = [padding.slice(0, rank), padding.slice(rank)];
    const shown = begin.join() === end.join() ? begin : padding;
    return [
      `${inChannels}, ${outChannels}, kernel_size=${tuple(kernel)}, stride=${tuple(stride)}`,
      `scale=${this.scale}, zero_point=${this.zeroPoint}`,
      ...(shown.some((p) => p !== 0) ? [`padding=${tuple(shown)}`] : []),
      ...(dilation.some((d) => d !== 1) ? [`dilation=${tuple(dilation)}`] : []),
      ...(outputPadding.some((p) => p !== 0) ? [`output_padding=${tuple(outputPadding)}`] : []),
      ...(groups === 1 ? [] : [`groups=${groups}`]),
      ...(this.bias === null ? ['bias=False'] : []),
    ].join(', ');
  }

  override ownState(): StateDict {
    return { ...packedState('', this.packed), ...outputState(this) };
  }

  override loadOwnState(given: StateDict): void {
    const state = { ...this.ownState(), ...given };
    const weight = weightFromState(this.typeName, state, '', this.weight.axis);
    this.packed = new ConvPackedParams(weight, state.bias ?? null, this.packed);
    loadOutputState(this, state);
  }
}

function tuple(values: readonly number[]): string {
  return values.length === 1 ? `(${values[0]},)` : `(${values.join(', ')})`;
}
