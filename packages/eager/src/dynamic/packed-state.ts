import {
  DYNAMIC_SCHEMES,
  type DynamicScheme,
  LinearPackedParams,
  OctavoError,
  QuantizedTensor,
  type StateDict,
  Tensor,
} from '@octavo/core';
import type { DynamicLinearAttrs } from '@octavo/observers';

/** torch.qint8's number among PyTorch's scalar types (c10/core/ScalarType.h), as in its state dicts. */
export const TORCH_QINT8 = 12;

// Packed weights in state dicts. PyTorch stores one object of packed parameters; here each part is a tensor.

/** How a dynamic module takes ranges, as `F.linearDynamic` is told. */
export interface DynamicRange {
  /** Imported graphs alone have ONNX's. */
  readonly scheme: Exclude<DynamicScheme, 'onnx'>;
  readonly reduceRange: boolean;
}

/** The options of a qconfig's attributes. */
export function dynamicRange({ scheme, reduceRange }: DynamicLinearAttrs): DynamicRange {
  return { scheme: scheme === DYNAMIC_SCHEMES.perRow ? 'perRow' : 'perTensor', reduceRange: reduceRange === 1 };
}

/** The attributes of options: what a file holds. */
export function dynamicAttrs({ scheme, reduceRange }: DynamicRange): DynamicLinearAttrs {
  return { scheme: DYNAMIC_SCHEMES[scheme], reduceRange: reduceRange ? 1 : 0 };
}

/** Weights of zeros that a state dict is loaded into. */
export function emptyPacked(
  outFeatures: number,
  inFeatures: number,
  { bias, perChannel }: { bias: boolean; perChannel: boolean },
): LinearPackedParams {
  const count = perChannel ? outFeatures : 1;
  const weight = new QuantizedTensor('qint8', Tensor.zeros([outFeatures, inFeatures], 'int8'), {
    scales: new Float32Array(count).fill(1),
    zeroPoints: new Int32Array(count),
    axis: perChannel ? 0 : null,
  });
  return new LinearPackedParams(weight, bias ? Tensor.zeros([outFeatures]) : null);
}

/**
 * `<prefix>weight` int8 [out, in], `<prefix>weight_scales` float32 and `<prefix>weight_zero_points` int32, both [out]
 * or [], and `<prefix>bias` float32 [out] where there is one.
 */
export function packedState(prefix: string, { weight, bias }: Pick<LinearPackedParams, 'weight' | 'bias'>): StateDict {
  const dims = weight.axis === null ? [] : [weight.scales.length];
  return {
    [`${prefix}weight`]: weight.values,
    [`${prefix}weight_scales`]: new Tensor('float32', weight.scales, dims),
    [`${prefix}weight_zero_points`]: new Tensor('int32', weight.zeroPoints, dims),
    ...(bias === null ? {} : { [`${prefix}bias`]: bias }),
  };
}

/** What `packedState` gave of a linear, as packed weights again, per channel or per tensor as `like` is. */
export function packedFromState(
  module: string,
  state: StateDict,
  prefix: string,
  like: LinearPackedParams,
): LinearPackedParams {
  const weight = weightFromState(module, state, prefix, like.weight.axis);
  return new LinearPackedParams(weight, state[`${prefix}bias`] ?? null);
}

/** The weight of what `packedState` gave, per channel along `axis` or per tensor. */
export function weightFromState(
  module: string,
  state: StateDict,
  prefix: string,
  axis: number | null,
): QuantizedTensor {
  const scales = (state[`${prefix}weight_scales`] as Tensor<'float32'>).raw.data;
  const wrong = scales.findIndex((scale) => !(scale > 0) || !Number.isFinite(scale));
  if (wrong >= 0) {
    throw new OctavoError(
      'INVALID_DATA',
      `[${module}] weight scale ${wrong} is ${scales[wrong]}; scales must be positive numbers. Quantize the model again`,
    );
  }
  return new QuantizedTensor('qint8', state[`${prefix}weight`] as Tensor, {
    scales,
    zeroPoints: (state[`${prefix}weight_zero_points`] as Tensor<'int32'>).raw.data,
    axis,
  });
}

/** `<prefix>scheme` (0: one range a tensor, 1: one a row) and `<prefix>reduce_range` (1: 7 bits), int64. */
export function rangeState(prefix: string, range: DynamicRange): StateDict {
  const { scheme, reduceRange } = dynamicAttrs(range);
  return { [`${prefix}scheme`]: integerTensor(scheme), [`${prefix}reduce_range`]: integerTensor(reduceRange) };
}

/** What `rangeState` gave, as options again. */
export function rangeFromState(module: string, state: StateDict, prefix: string): DynamicRange {
  return dynamicRange({
    scheme: readInteger(module, state, `${prefix}scheme`, [0, 1]) as 0 | 1,
    reduceRange: readInteger(module, state, `${prefix}reduce_range`, [0, 1]) as 0 | 1,
  });
}

/** An integer as a state dict holds it: int64, no dims. */
export function integerTensor(value: number): Tensor<'int64'> {
  return new Tensor('int64', BigInt64Array.of(BigInt(value)), []);
}

/** A number as a state dict holds it: float32, no dims. */
export function floatScalar(value: number): Tensor<'float32'> {
  return new Tensor('float32', Float32Array.of(value), []);
}

/** An integer of a state dict that must be one of a few. */
export function readInteger(module: string, state: StateDict, name: string, allowed: readonly number[]): number {
  const value = Number((state[name] as Tensor<'int64'>).raw.data[0]);
  if (allowed.includes(value)) return value;
  throw new OctavoError(
    'INVALID_DATA',
    `[${module}] ${name} must be ${allowed.join(' or ')}, got ${value}; was the state dict saved by a later version?`,
  );
}
