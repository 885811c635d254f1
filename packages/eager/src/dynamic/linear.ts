import {
  DYNAMIC_SCHEMES,
  type DynamicScheme,
  F,
  LinearPackedParams,
  Module,
  type nn,
  OctavoError,
  QuantizedTensor,
  type StateDict,
  Tensor,
} from '@octavo/core';
import { type DynamicLinearAttrs, dynamicLinearAttrs, type QConfig, quantizeWeight } from '@octavo/observers';

/** What a `DynamicQuantizedLinear` is made with, apart from its numbers: enough to build one that a state dict fills. */
export interface DynamicQuantizedLinearConfig extends DynamicLinearAttrs {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
  /** One weight scale a row of the weight, or one for all of it. */
  readonly perChannel: boolean;
}

/** torch.qint8's number among PyTorch's scalar types (c10/core/ScalarType.h), as in its state dicts. */
const TORCH_QINT8 = 12;

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
  packed: LinearPackedParams;
  scheme: DynamicScheme;
  reduceRange: boolean;

  constructor(packed: LinearPackedParams, { scheme, reduceRange }: DynamicLinearAttrs) {
    super();
    this.packed = packed;
    this.scheme = schemeName(scheme);
    this.reduceRange = reduceRange === 1;
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
    const { inFeatures, outFeatures, bias, perChannel } = config;
    const count = perChannel ? outFeatures : 1;
    const weight = new QuantizedTensor('qint8', Tensor.zeros([outFeatures, inFeatures], 'int8'), {
      scales: new Float32Array(count).fill(1),
      zeroPoints: new Int32Array(count),
      axis: perChannel ? 0 : null,
    });
    return new DynamicQuantizedLinear(
      new LinearPackedParams(weight, bias ? Tensor.zeros([outFeatures]) : null),
      config,
    );
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
      scheme: DYNAMIC_SCHEMES[this.scheme],
      reduceRange: this.reduceRange ? 1 : 0,
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
    const { weight, bias } = this.packed;
    const perChannel = weight.axis !== null;
    const number = (value: number) => new Tensor('int64', BigInt64Array.of(BigInt(value)), []);
    return {
      scale: new Tensor('float32', Float32Array.of(1), []),
      zero_point: number(0),
      '_packed_params.dtype': number(TORCH_QINT8),
      '_packed_params.weight': weight.values,
      '_packed_params.weight_scales': new Tensor('float32', weight.scales, perChannel ? [weight.scales.length] : []),
      '_packed_params.weight_zero_points': new Tensor(
        'int32',
        weight.zeroPoints,
        perChannel ? [weight.zeroPoints.length] : [],
      ),
      ...(bias === null ? {} : { '_packed_params.bias': bias }),
      '_packed_params.scheme': number(DYNAMIC_SCHEMES[this.scheme]),
      '_packed_params.reduce_range': number(this.reduceRange ? 1 : 0),
    };
  }

  override loadOwnState(given: StateDict): void {
    const state = { ...this.ownState(), ...given };
    const integer = (name: string, allowed: readonly number[]) => readInteger(state, name, allowed);
    integer('_packed_params.dtype', [TORCH_QINT8]);
    const scales = (state['_packed_params.weight_scales'] as Tensor<'float32'>).raw.data;
    const wrong = scales.findIndex((scale) => !(scale > 0) || !Number.isFinite(scale));
    if (wrong >= 0) {
      throw new OctavoError(
        'INVALID_DATA',
        `[DynamicQuantizedLinear] weight scale ${wrong} is ${scales[wrong]}; scales must be positive numbers. Quantize the model again`,
      );
    }
    const weight = new QuantizedTensor('qint8', state['_packed_params.weight'] as Tensor, {
      scales,
      zeroPoints: (state['_packed_params.weight_zero_points'] as Tensor<'int32'>).raw.data,
      axis: this.weight.axis,
    });
    this.packed = new LinearPackedParams(weight, state['_packed_params.bias'] ?? null);
    this.scheme = schemeName(integer('_packed_params.scheme', Object.values(DYNAMIC_SCHEMES)) as 0 | 1);
    this.reduceRange = integer('_packed_params.reduce_range', [0, 1]) === 1;
  }
}

function schemeName(scheme: 0 | 1): DynamicScheme {
  return scheme === DYNAMIC_SCHEMES.perRow ? 'perRow' : 'perTensor';
}

function readInteger(state: StateDict, name: string, allowed: readonly number[]): number {
  const value = Number((state[name] as Tensor<'int64'>).raw.data[0]);
  if (allowed.includes(value)) return value;
  throw new OctavoError(
    'INVALID_DATA',
    `[DynamicQuantizedLinear] ${name} must be ${allowed.join(' or ')}, got ${value}; was the state dict saved by a later version?`,
  );
}
