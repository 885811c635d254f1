import { DTYPES, type DType, OctavoError, sizeOf, Tensor, type TypedArray } from '@octavo/core';
import type { ExternalData } from './external-data.js';
import { type TensorProto, TensorProto_DataLocation } from './gen/onnx_pb.js';
import { onnxTypeName } from './rules/dtypes.js';

/** How the elements of one ONNX type become a tensor of core. */
interface Encoding {
  readonly dtype: DType;
  /** Bytes of an element in `raw_data`; half for types of 4 bits. */
  readonly bytes: number;
  /** One element of raw data, little-endian; absent where the bytes are the tensor's. */
  readonly decode?: (view: DataView, index: number) => number | bigint | null;
  /** The field that holds elements when `raw_data` does not. */
  readonly field: 'floatData' | 'int32Data' | 'int64Data' | 'doubleData' | 'uint64Data';
}

const nibble = (view: DataView, index: number): number => (view.getUint8(index >> 1) >> (4 * (index & 1))) & 15;
const exactFloat = (value: number): number | null => (Object.is(Math.fround(value), value) ? value : null);

/** Types without a dtype of core are widened where that is exact: float64 is refused where float32 does not hold it. */
const ENCODINGS: Readonly<Record<number, Encoding>> = {
  1: { dtype: 'float32', bytes: 4, field: 'floatData' },
  2: { dtype: 'uint8', bytes: 1, field: 'int32Data' },
  3: { dtype: 'int8', bytes: 1, field: 'int32Data' },
  4: { dtype: 'int32', bytes: 2, field: 'int32Data', decode: (view, i) => view.getUint16(2 * i, true) },
  5: { dtype: 'int32', bytes: 2, field: 'int32Data', decode: (view, i) => view.getInt16(2 * i, true) },
  6: { dtype: 'int32', bytes: 4, field: 'int32Data' },
  7: { dtype: 'int64', bytes: 8, field: 'int64Data' },
  9: { dtype: 'bool', bytes: 1, field: 'int32Data', decode: (view, i) => (view.getUint8(i) === 0 ? 0 : 1) },
  10: { dtype: 'float16', bytes: 2, field: 'int32Data' },
  11: {
    dtype: 'float32',
    bytes: 8,
    field: 'doubleData',
    decode: (view, i) => exactFloat(view.getFloat64(8 * i, true)),
  },
  12: { dtype: 'int64', bytes: 4, field: 'uint64Data', decode: (view, i) => BigInt(view.getUint32(4 * i, true)) },
  16: { dtype: 'float32', bytes: 2, field: 'int32Data', decode: bfloat16 },
  21: { dtype: 'uint8', bytes: 0.5, field: 'int32Data', decode: nibble },
  22: { dtype: 'int8', bytes: 0.5, field: 'int32Data', decode: (view, i) => (nibble(view, i) ^ 8) - 8 },
};

function bfloat16(view: DataView, index: number): number {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setUint32(0, view.getUint16(2 * index, true) << 16);
  return bits.getFloat32(0);
}

/** The tensor that a TensorProto holds; its sizes are checked against what is there before memory is taken. */
export function tensorOf(proto: TensorProto, external: ExternalData, source: string): Tensor {
  const label = proto.name === '' ? 'a tensor without name' : `tensor '${proto.name}'`;
  const fault = (why: string, code: 'INVALID_FILE' | 'UNSUPPORTED' = 'INVALID_FILE'): OctavoError =>
    new OctavoError(code, `${source}: ${label}: ${why}`, { details: { tensor: proto.name, source } });
  const encoding = Object.hasOwn(ENCODINGS, proto.dataType) ? ENCODINGS[proto.dataType] : undefined;
  if (encoding === undefined) throw fault(`its type ${onnxTypeName(proto.dataType)} has no dtype here`, 'UNSUPPORTED');
  const dims = proto.dims.map(Number);
  const size = sizeOf(dims);
  if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || !Number.isSafeInteger(size)) {
    throw fault(`its dims [${dims.join(', ')}] are no sizes`);
  }
  const bytes = rawBytes(proto, external);
  if (bytes === null) return new Tensor(encoding.dtype, fieldData(proto, encoding, size, fault) as never, dims);
  const expected = Math.ceil(size * encoding.bytes);
  if (bytes.length !== expected) {
    throw fault(
      `dims [${dims.join(', ')}] of ${onnxTypeName(proto.dataType)} take ${expected} bytes, it has ${bytes.length}`,
    );
  }
  return new Tensor(encoding.dtype, rawData(bytes, encoding, size, fault) as never, dims);
}

function rawBytes(proto: TensorProto, external: ExternalData): Uint8Array | null {
  if (proto.dataLocation !== TensorProto_DataLocation.EXTERNAL) return proto.rawData.length > 0 ? proto.rawData : null;
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const length = entries.get('length');
  return external.read(
    proto.name,
    entries.get('location') ?? '',
    Number(entries.get('offset') ?? 0),
    length === undefined ? null : Number(length),
  );
}

type Fault = (why: string) => OctavoError;

function rawData(bytes: Uint8Array, { dtype, decode }: Encoding, size: number, fault: Fault): TypedArray {
  if (decode === undefined) {
    // A copy of its own: the bytes may lie anywhere in the file's, and are not to keep all of it in memory.
    const own = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.from(bytes);
    return new DTYPES[dtype].array(own.buffer as ArrayBuffer);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new DTYPES[dtype].array(size);
  for (let i = 0; i < size; i++) {
    const value = decode(view, i);
    if (value === null) throw fault(`its float64 element ${i} does not fit float32 exactly`);
    data[i] = value as never;
  }
  return data;
}

function fieldData(proto: TensorProto, { dtype, field, bytes }: Encoding, size: number, fault: Fault): TypedArray {
  const values = proto[field] as readonly (number | bigint)[];
  // Two elements of 4 bits share one entry.
  const expected = Math.ceil(size * Math.min(1, bytes * 2 === 1 ? 0.5 : 1));
  if (values.length !== expected)
    throw fault(`dims [${proto.dims.join(', ')}] hold ${size} elements, it has ${values.length}`);
  const data = new DTYPES[dtype].array(size);
  const convert = converter(proto.dataType);
  for (let i = 0; i < size; i++) {
    const value = convert(values, i);
    if (value === null) throw fault(`its float64 element ${i} does not fit float32 exactly`);
    data[i] = (dtype === 'int64' ? BigInt(value) : value) as never;
  }
  return data;
}

function converter(type: number): (values: readonly (number | bigint)[], index: number) => number | bigint | null {
  const words = (values: readonly (number | bigint)[], i: number): DataView => {
    const view = new DataView(new ArrayBuffer(4));
    view.setUint32(0, Number(values[i]), true);
    return view;
  };
  if (type === 11) return (values, i) => exactFloat(values[i] as number);
  if (type === 16) return (values, i) => bfloat16(words(values, i), 0);
  const unpack = type === 21 || type === 22 ? ENCODINGS[type]?.decode : undefined;
  if (unpack !== undefined) return (values, i) => unpack(words(values, i >> 1), i & 1);
  return (values, i) => values[i] as number | bigint;
}
