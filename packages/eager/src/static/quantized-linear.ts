import {
  LinearPackedParams,
  Module,
  type nn,
  Q,
  type QuantizedTensor,
  type StateDict,
  type StaticActivation,
  type Tensor,
} from '@octavo/core';
import { type QConfig, quantizeWeight } from '@octavo/observers';
import {
  emptyPacked,
  integerTensor,
  packedFromState,
  packedState,
  readInteger,
  TORCH_QINT8,
} from '../dynamic/packed-state.js';
import { loadOutputState, outputState } from './output-state.js';

/** Enough to build a `QuantizedLinear` that a state dict fills. */
export interface QuantizedLinearConfig {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
  /** One weight scale a row of the weight, or one for all of it. */
  readonly perChannel: boolean;
  readonly activation: StaticActivation;
}

const SUFFIX = { none: '', relu: 'ReLU', relu6: 'ReLU6' } as const;

/**
 * A linear on codes: x quint8 [..., inFeatures] of rank 2 or more -> quint8 [..., outFeatures] of the calibrated scale
 * and zero point, with a relu or relu6 in it where it was fused (PyTorch, torch/ao/nn/quantized/modules/linear.py). The
 * arithmetic is core's `quantized::linear`.
 *
 * Its state dict has PyTorch's keys, but tensors only: `scale`, `zero_point`, `_packed_params.dtype` (12, torch.qint8),
 * `_packed_params.weight` int8 [out, in], `_packed_params.weight_scales`, `_packed_params.weight_zero_points` ([out] or
 * []), and `_packed_params.bias` float32 [out] where there is one.
 */
export class QuantizedLinear extends Module<(x: QuantizedTensor) => QuantizedTensor> {
  /** @internal For `nn.Sequential`: neither its input nor its output is reachable from it after a call. */
  static readonly keepsNothing = true;

  packed: LinearPackedParams;
  scale: number;
  zeroPoint: number;
  readonly activation: StaticActivation;

  constructor(packed: LinearPackedParams, output: Q.OutputQParams, activation: StaticActivation = 'none') {
    super();
    this.packed = packed;
    this.scale = output.scale;
    this.zeroPoint = output.zeroPoint;
    this.activation = activation;
  }

  /** The int8 form of a float linear, by a qconfig's weight observer and the output's qparams. */
  static fromFloat(
    linear: nn.Linear,
    qconfig: QConfig,
    output: Q.OutputQParams,
    activation: StaticActivation = 'none',
  ): QuantizedLinear {
    const packed = new LinearPackedParams(quantizeWeight(linear.weight, qconfig), linear.bias);
    return new QuantizedLinear(packed, output, activation);
  }

  /** A linear of zeros that a state dict is loaded into. */
  static fromConfig({ outFeatures, inFeatures, activation, ...rest }: QuantizedLinearConfig): QuantizedLinear {
    return new QuantizedLinear(emptyPacked(outFeatures, inFeatures, rest), { scale: 1, zeroPoint: 0 }, activation);
  }

  get config(): QuantizedLinearConfig {
    const { inFeatures, outFeatures, bias, weight } = this.packed;
    return {
      inFeatures,
      outFeatures,
      bias: bias !== null,
      perChannel: weight.axis !== null,
      activation: this.activation,
    };
  }

  get inFeatures(): number {
    return this.packed.inFeatures;
  }

  get outFeatures(): number {
    return this.packed.outFeatures;
  }

  /** The int8 weight with its scales. */
  get weight(): QuantizedTensor {
    return this.packed.weight;
  }

  get bias(): Tensor<'float32'> | null {
    return this.packed.bias;
  }

  forward(x: QuantizedTensor): QuantizedTensor {
    return Q.linear(x, this.packed, this);
  }

  override get typeName(): string {
    return `QuantizedLinear${SUFFIX[this.activation]}`;
  }

  override extraRepr(): string {
    const qscheme = this.weight.axis === null ? 'per_tensor_affine' : 'per_channel_affine';
    const sizes = `in_features=${this.inFeatures}, out_features=${this.outFeatures}`;
    return `${sizes}, scale=${this.scale}, zero_point=${this.zeroPoint}, qscheme=torch.${qscheme}`;
  }

  override ownState(): StateDict {
    return {
      ...outputState(this),
      '_packed_params.dtype': integerTensor(TORCH_QINT8),
      ...packedState('_packed_params.', this.packed),
    };
  }

  override loadOwnState(given: StateDict): void {
    const state = { ...this.ownState(), ...given };
    readInteger(this.typeName, state, '_packed_params.dtype', [TORCH_QINT8]);
    this.packed = packedFromState(this.typeName, state, '_packed_params.', this.packed);
    loadOutputState(this, state);
  }
}
