import { OctavoError } from '../errors.js';
import { float16FromFloat32, float16ToFloat32 } from '../numerics/float16.js';
import { clamp } from '../numerics/round.js';
import { DTYPES, type DType, type TypedArray } from '../tensor/dtype.js';
import { Tensor } from '../tensor/tensor.js';
import { attrNumber, dimsOf, tensorMeta } from './check.js';
import type { OpDef } from './op-def.js';

/** The dtype of a code of `DTYPES`, for attributes that name one. */
export function dtypeOfCode(op: string, code: number): DType {
  for (const [name, dtype] of Object.entries(DTYPES)) if (dtype.code === code) return name as DType;
  throw new OctavoError('INVALID_ARGUMENT', `[${op}] ${code} is no dtype code`);
}

/**
 * The same numbers in another dtype. Float to float rounds to nearest even, integers to float too (once, from int64);
 * float to integer truncates toward zero and saturates, NaN becomes 0; integer to integer wraps, as PyTorch's;
 * to bool is `!= 0` (NaN is true).
 */
export const to: OpDef = {
  name: 'aten::to',
  opcode: 27,
  inputs: ['x'],
  attrs: { dtype: 'int' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    return [{ dtype: dtypeOfCode(this.name, attrNumber(attrs, 'dtype', 0)), dims: x.dims }];
  },
  reference([x], attrs) {
    const dtype = dtypeOfCode(this.name, attrNumber(attrs, 'dtype', 0));
    const { type, raw } = x as Tensor;
    return [new Tensor(dtype, convert(raw.data, type, dtype), dimsOf(x))];
  },
};

function convert(data: TypedArray, from: DType, to: DType): TypedArray {
  if (from === to) return data.slice();
  const out = new DTYPES[to].array(data.length);
  const read = READ[from];
  const write = (from === 'float32' || from === 'float16' ? FROM_FLOAT : FROM_INTEGER)[to];
  for (let i = 0; i < data.length; i++) out[i] = write(read(data[i] as never) as never) as never;
  return out;
}

// Every element passes through a number, which holds all dtypes exactly but int64, or from int64 through a bigint.
type Scalar = number | bigint;
const same = (value: number): number => value;

const READ: Record<DType, (value: never) => Scalar> = {
  float32: same,
  float16: float16ToFloat32,
  int8: same,
  uint8: same,
  int32: same,
  int64: (value: bigint) => value,
  bool: (value: number) => (value === 0 ? 0 : 1),
};

const FROM_FLOAT: Record<DType, (value: number) => Scalar> = {
  float32: same,
  float16: float16FromFloat32,
  int8: truncated(-128, 127),
  uint8: truncated(0, 255),
  int32: truncated(-2147483648, 2147483647),
  int64: truncatedToInt64,
  bool: (value) => (value === 0 ? 0 : 1),
};

/** An element of a narrow integer array keeps the low bits of what is written: it wraps by itself. */
const wrapped = (value: Scalar): number => Number(typeof value === 'bigint' ? BigInt.asIntN(32, value) : value);

const FROM_INTEGER: Record<DType, (value: Scalar) => Scalar> = {
  float32: roundedToFloat,
  float16: (value) => float16FromFloat32(roundedToFloat(value)),
  int8: wrapped,
  uint8: wrapped,
  int32: wrapped,
  int64: BigInt,
  bool: (value) => (value === 0 || value === 0n ? 0 : 1),
};

function truncated(low: number, high: number): (value: number) => number {
  return (value) => (Number.isNaN(value) ? 0 : clamp(Math.trunc(value), low, high));
}

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

function truncatedToInt64(value: number): bigint {
  if (Number.isNaN(value)) return 0n;
  if (value >= 2 ** 63) return INT64_MAX;
  if (value <= -(2 ** 63)) return INT64_MIN;
  return BigInt(Math.trunc(value));
}

/** A bigint goes to float32 in one rounding: bits that a double cannot hold are kept as one sticky bit below it. */
function roundedToFloat(value: Scalar): number {
  if (typeof value === 'number' || Number.isSafeInteger(Number(value))) return Math.fround(Number(value));
  const magnitude = value < 0n ? -value : value;
  const kept = (magnitude >> 11n) | ((magnitude & 0x7ffn) === 0n ? 0n : 1n);
  return Math.fround(Number(kept) * (value < 0n ? -2048 : 2048));
}
