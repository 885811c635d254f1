import { type DType, float16ToFloat32, type TypedArray } from '@octavo/core';

/** A storage class of PyTorch: how its bytes become elements of a tensor. */
export interface StorageType {
  /** Its name in the module `torch`. */
  readonly name: string;
  readonly bytesPerElement: number;
  readonly dtype: DType;
  /** Elements of little-endian bytes that start at an address divisible by 8. */
  decode(bytes: Uint8Array): TypedArray;
}

type ArrayClass<A> = new (buffer: ArrayBufferLike, offset: number, length: number) => A;

function plain<A extends TypedArray>(
  name: string,
  dtype: DType,
  bytesPerElement: number,
  Class: ArrayClass<A>,
): StorageType {
  return {
    name,
    dtype,
    bytesPerElement,
    decode: ({ buffer, byteOffset, length }) => new Class(buffer, byteOffset, length / bytesPerElement),
  };
}

function uint16(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
}

/**
 * The storage classes that are read. float16 and bfloat16 are widened to float32, which is exact;
 * float64 is rounded to float32, as `tensor.float()` does.
 */
export const STORAGE_TYPES: readonly StorageType[] = [
  plain('FloatStorage', 'float32', 4, Float32Array),
  plain('LongStorage', 'int64', 8, BigInt64Array),
  plain('IntStorage', 'int32', 4, Int32Array),
  plain('CharStorage', 'int8', 1, Int8Array),
  plain('ByteStorage', 'uint8', 1, Uint8Array),
  plain('BoolStorage', 'bool', 1, Uint8Array),
  {
    name: 'HalfStorage',
    dtype: 'float32',
    bytesPerElement: 2,
    decode: (bytes) => Float32Array.from(uint16(bytes), (bits) => float16ToFloat32(bits)),
  },
  {
    name: 'BFloat16Storage',
    dtype: 'float32',
    bytesPerElement: 2,
    // The upper half of a float32.
    decode: (bytes) => new Float32Array(Uint32Array.from(uint16(bytes), (bits) => bits << 16).buffer),
  },
  {
    name: 'DoubleStorage',
    dtype: 'float32',
    bytesPerElement: 8,
    decode: ({ buffer, byteOffset, length }) => Float32Array.from(new Float64Array(buffer, byteOffset, length / 8)),
  },
];
