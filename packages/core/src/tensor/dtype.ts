import { didYouMean, OctavoError } from '../errors.js';

/** The array that holds each dtype's elements. float16 is stored as raw bits; bool as 0 and 1. */
export interface DTypeArrays {
  float32: Float32Array;
  float16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int32: Int32Array;
  int64: BigInt64Array;
  bool: Uint8Array;
}

export type DType = keyof DTypeArrays;
export type TypedArray = DTypeArrays[DType];

/** One constructor and one small integer per dtype. The integers are the native ABI's: append-only. */
export const DTYPES = {
  float32: { code: 0, bytes: 4, array: Float32Array },
  float16: { code: 1, bytes: 2, array: Uint16Array },
  int8: { code: 2, bytes: 1, array: Int8Array },
  uint8: { code: 3, bytes: 1, array: Uint8Array },
  int32: { code: 4, bytes: 4, array: Int32Array },
  int64: { code: 5, bytes: 8, array: BigInt64Array },
  bool: { code: 6, bytes: 1, array: Uint8Array },
} as const satisfies Record<DType, { code: number; bytes: number; array: unknown }>;

/** The dtype a typed array stands for when none is named. Uint16Array and ambiguous arrays have none. */
export function dtypeOfArray(data: unknown): DType | undefined {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Int8Array) return 'int8';
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof BigInt64Array) return 'int64';
  return undefined;
}

/** `name` as a dtype, or an error that lists the known ones. */
export function checkDType(name: string): DType {
  if (Object.hasOwn(DTYPES, name)) return name as DType;
  throw new OctavoError(
    'INVALID_DTYPE',
    `unknown dtype '${name}'${didYouMean(name, Object.keys(DTYPES)) || ';'} known: ${Object.keys(DTYPES).join(', ')}`,
  );
}

/** Integer ranges of the quantized dtypes, by PyTorch's names. */
export const QUANTIZED_DTYPES = {
  quint8: { storage: 'uint8', qmin: 0, qmax: 255 },
  qint8: { storage: 'int8', qmin: -128, qmax: 127 },
  qint32: { storage: 'int32', qmin: -2147483648, qmax: 2147483647 },
} as const;

export type QuantizedDType = keyof typeof QUANTIZED_DTYPES;
