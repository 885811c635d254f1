import { DTYPES, type DType } from '@octavo/core';
import type { RuleContext } from '../../import/rule.js';

/** core's dtypes by ONNX's `TensorProto.DataType`. */
export const DTYPE_OF_ONNX: Readonly<Record<number, DType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
};

/** Names of the types that core has no dtype for, for messages. */
const OTHER_TYPES: Readonly<Record<number, string>> = {
  4: 'uint16',
  5: 'int16',
  8: 'string',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  14: 'complex64',
  15: 'complex128',
  16: 'bfloat16',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  21: 'uint4',
  22: 'int4',
  23: 'float4e2m1',
  24: 'float8e8m0',
  25: 'uint2',
  26: 'int2',
};

export function onnxTypeName(type: number): string {
  return DTYPE_OF_ONNX[type] ?? OTHER_TYPES[type] ?? `type ${type}`;
}

/** The dtype that a node's attribute asks for. */
export function askedDType(n: RuleContext, type: number): DType {
  const dtype = DTYPE_OF_ONNX[type];
  if (dtype === undefined) throw n.unsupported(`tensors of ${onnxTypeName(type)} have no dtype here`);
  return dtype;
}

export function dtypeCode(dtype: DType): number {
  return DTYPES[dtype].code;
}

/** True for the dtypes of the integer ops of core. */
export function isInteger(dtype: DType): boolean {
  return dtype === 'int8' || dtype === 'uint8' || dtype === 'int32' || dtype === 'int64';
}
