import {
  F,
  LinearPackedParams,
  Module,
  type nn,
  type QuantizedTensor,
  type StateDict,
  type Tensor,
} from '@octavo/core';
import { type DynamicLinearAttrs, dynamicLinearAttrs, type QConfig, quantizeWeight } from '@octavo/observers';
import {
  type DynamicRange,
  dynamicAttrs,
  dynamicRange,
  emptyPacked,
  floatScalar,
  integerTensor,
  packedFromState,
  packedState,
  rangeFromState,
  rangeState,
  readInteger,
  TORCH_QINT8,
} from './packed-state.js';

/**
 * What a `DynamicQuantizedLinear` is made with, apart from its numbers: enough to build one that a state dict fills.
 */
export interface DynamicQuantizedLinearConfig extends DynamicLinearAttrs {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
  /** One weight scale a row of the weight, or one for all of it. */
  readonly perChannel: boolean;
}

/**
 * A linear with int8 weights whose input is quantized at run time: x [..., inFeatures] -> [..., outFeatures], float32
 * in and out (PyTorch, torch/ao/nn/quantized/dynamic/modules/linear.py). The arithmetic is core's
 * `quantized::linear_dynamic`.
 *
 * Its state dict has PyTorch's keys, but tensors only, where PyTorch stores one object of packed parameters:
 * `scale` and `zero_point` (1 and 0: the output is float), `_packed_params.dtype` (12, torch.qint8),
 * `_packed_params.weight` int8 [out, in], `_packed_params.weight_scales` float32 [out] or [], `_packed_params.bias`
 * float32 [out] where there is one, `_packed_params.scheme` (0: one range a tensor, 1: one a row) and
 * `_packed_params.reduce_range` (1: 7 bits). Weights are symmetric, so they have no zero points.
 */
export class DynamicQuantizedLinear extends Module<(x: Tensor) => Tensor<'float32'>> {
  /** @internal For `nn.Sequential`: neither its input nor its output is reachable from it after a call. */
  static readonly keepsNothing = true;

  packed: LinearPackedParams;
  scheme: DynamicRange['scheme'];
  reduceRange: boolean;

  constructor(packed: LinearPackedParams, attrs: DynamicLinearAttrs) {
    super();
    this.packed = packed;
    const { scheme, reduceRange } = dynamicRange(attrs);
    this.scheme = scheme;
    this.reduceRange = reduceRange;
  }

  /** The int8 form of a float linear, by a dynamic qconfig. */
  static fromFloat(linear: nn.Linear, qconfig: QConfig): DynamicQuantizedLinear {
    const attrs = dynamicLinearAttrs(qconfig);
    return new DynamicQuantizedLinear(
      new LinearPackedParams(quantizeWeight(linear.weight, qconfig), linear.bias),
      attrs,
    );
  }

  /** A linear of zeros that a state dict is loaded into. */
  static fromConfig(config: DynamicQuantizedLinearConfig): DynamicQuantizedLinear {
    return new DynamicQuantizedLinear(emptyPacked(config.outFeatures, config.inFeatures, config), config);
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

  get config(): DynamicQuantizedLinearConfig {
    return {
      inFeatures: this.inFeatures,
      outFeatures: this.outFeatures,
      bias: this.bias !== null,
      perChannel: this.weight.axis !== null,
      ...dynamicAttrs(this),
    };
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.linearDynamic(x, this.packed, { scheme: this.scheme, reduceRange: this.reduceRange });
  }

  override get typeName(): string {
    return 'DynamicQuantizedLinear';
  }

  /** As PyTorch prints it; its symmetric weights carry an affine qscheme there too. */
  override extraRepr(): string {
    const qscheme = this.weight.axis === null ? 'per_tensor_affine' : 'per_channel_affine';
    const sizes = `in_features=${this.inFeatures}, out_features=${this.outFeatures}`;
    return `${sizes}, dtype=torch.qint8, qscheme=torch.${qscheme}`;
  }

  override ownState(): StateDict {
    return {
      scale: floatScalar(1),
      zero_point: integerTensor(0),
      '_packed_params.dtype': integerTensor(TORCH_QINT8),
      ...packedState('_packed_params.', this.packed),
      ...rangeState('_packed_params.', this),
    };
  }

  override loadOwnState(given: StateDict): void {
    const state = { ...this.ownState(), ...given };
    readInteger(this.typeName, state, '_packed_params.dtype', [TORCH_QINT8]);
    this.packed = packedFromState(this.typeName, state, '_packed_params.', this.packed);
    const { scheme, reduceRange } = rangeFromState(this.typeName, state, '_packed_params.');
    this.scheme = scheme;
    this.reduceRange = reduceRange;
  }
}
