import type { Dims, DType, QuantizedDType } from '@octavo/core';

/** What a tensor value holds: plain elements, or codes with a scale and zero point (`quint8` and its like). */
export type ElementType = DType | QuantizedDType;

/** A tensor, with the dims seen while tracing; null where nobody knows them (an importer's dynamic axes). */
export interface TensorType {
  readonly kind: 'tensor';
  readonly dtype: ElementType;
  readonly dims: Dims | null;
}

/** Frozen weights of a quantized linear, or of a convolution. */
export interface PackedType {
  readonly kind: 'packed';
  /** Spatial axes of a convolution's weights. */
  readonly convRank?: number;
}

export type ValueType = TensorType | PackedType;

/** TorchScript's names of the element types. */
export const TYPE_NAMES: Readonly<Record<ElementType, string>> = {
  float32: 'Float',
  float16: 'Half',
  int8: 'Char',
  uint8: 'Byte',
  int32: 'Int',
  int64: 'Long',
  bool: 'Bool',
  qint8: 'QInt8',
  quint8: 'QUInt8',
  qint32: 'QInt32',
};

export function tensorType(dtype: ElementType, dims: Dims | null): TensorType {
  return { kind: 'tensor', dtype, dims: dims === null ? null : [...dims] };
}

export const PACKED: PackedType = { kind: 'packed' };

/** `Float(8, 128, 384)`, `Float(*)` where the dims are unknown, or the name of a packed weight's class. */
export function formatType(type: ValueType): string {
  if (type.kind === 'packed') {
    return type.convRank === undefined ? 'LinearPackedParamsBase' : `Conv${type.convRank}dPackedParamsBase`;
  }
  return `${TYPE_NAMES[type.dtype]}(${type.dims === null ? '*' : type.dims.join(', ')})`;
}
