import { OctavoError } from '../errors.js';
import { float16FromFloat32 } from '../numerics/float16.js';
import { notifyRead } from '../ops/recorder.js';
import { checkDType, DTYPES, type DType, type DTypeArrays, dtypeOfArray, type TypedArray } from './dtype.js';
import { PrivateMemory } from './private-memory.js';
import { RawTensor } from './raw-tensor.js';
import { checkDims, type Dims, formatDims, sizeOf } from './shape.js';

const BRAND = Symbol.for('@octavo/Tensor.v1');

/** Plain numbers accepted by `Tensor.from`, nested to any depth. */
export type NestedNumbers = number | bigint | boolean | readonly NestedNumbers[];

/**
 * A dense, row-major tensor in CPU memory, shaped like ONNX Runtime's: `type`, `dims`, `data`, `size`, `location`.
 * `dtype` and `shape` are aliases. The data is not copied: the tensor is a view of the array it was given.
 */
export class Tensor<T extends DType = DType> {
  readonly type: T;
  readonly location = 'cpu' as const;
  /** @internal Dims and data without telling a running trace; user code reads `dims` and `data`. */
  readonly raw: RawTensor<T>;

  /**
   * `new Tensor('int8', data, dims)` as in ONNX Runtime; the dims default to one axis. float16 data is a Uint16Array of
   * bits, or a Float16Array where JavaScript has one.
   */
  constructor(type: T, data: DTypeArrays[T], dims?: Dims);
  /** The dtype follows from the array: Float32Array, Int8Array, Uint8Array, Int32Array, BigInt64Array. */
  constructor(data: DTypeArrays[T], dims?: Dims);
  /** @internal What a kernel made: nothing is left to check. */
  constructor(raw: RawTensor<T>);
  constructor(first: T | DTypeArrays[T] | RawTensor<T>, second?: DTypeArrays[T] | Dims, third?: Dims) {
    if (first instanceof RawTensor) {
      this.type = first.dtype;
      this.raw = first;
      return;
    }
    const named = typeof first === 'string';
    const data = float16Bits((named ? second : first) as TypedArray);
    const type = named ? checkDType(first) : dtypeOfArray(data);
    const dims = ((named ? third : second) ?? [data?.length ?? 0]) as Dims;
    if (type === undefined || !(data instanceof DTYPES[type].array)) {
      const want =
        type === undefined
          ? 'a Float32Array, Int8Array, Uint8Array, Int32Array or BigInt64Array'
          : DTYPES[type].array.name;
      throw new OctavoError(
        'INVALID_DTYPE',
        `[Tensor] expected ${want}${type === undefined ? '' : ` for dtype ${type}`}, got ${describeData(data)}; ` +
          'Tensor.from takes plain numbers',
      );
    }
    checkDims(dims, 'Tensor');
    if (sizeOf(dims) !== data.length) {
      throw new OctavoError(
        'INVALID_SHAPE',
        `[Tensor] dims ${formatDims(dims)} hold ${sizeOf(dims)} elements, the data has ${data.length}`,
      );
    }
    this.type = type as T;
    this.raw = new RawTensor(type as T, dims, data as DTypeArrays[T]);
  }

  static {
    // Once for all tensors: defining a property costs as much as all else that a constructor does.
    Object.defineProperty(Tensor.prototype, BRAND, { value: true });
  }

  get dtype(): T {
    return this.type;
  }

  get dims(): Dims {
    notifyRead(this, 'dims');
    return this.raw.dims;
  }

  get shape(): Dims {
    return this.dims;
  }

  /** The elements, row-major. Reading them inside a trace is an error: a graph has no values yet. */
  get data(): DTypeArrays[T] {
    notifyRead(this, 'data');
    return this.raw.data;
  }

  get size(): number {
    notifyRead(this, 'dims');
    return sizeOf(this.raw.dims);
  }

  /** The only element of a one-element tensor. */
  item(): DTypeArrays[T][number] {
    const { data } = this;
    if (data.length !== 1) {
      throw new OctavoError(
        'INVALID_SHAPE',
        `[Tensor.item] expected one element, got dims ${formatDims(this.raw.dims)}`,
      );
    }
    return data[0] as DTypeArrays[T][number];
  }

  /** Nested plain arrays, for printing and tests; int64 becomes bigint. */
  toArray(): unknown {
    const { dims, data } = this;
    const build = (axis: number, offset: number, stride: number): unknown => {
      if (axis === dims.length) return data[offset];
      const step = stride / ((dims[axis] as number) || 1);
      return Array.from({ length: dims[axis] as number }, (_, i) => build(axis + 1, offset + i * step, step));
    };
    return build(0, 0, data.length);
  }

  /**
   * A tensor from plain numbers, nested or flat. dtype defaults to float32; `dims` to the nesting.
   * Unsafe integers are refused for int64, and out-of-range values for the integer dtypes; floats round.
   */
  static from<T extends DType = 'float32'>(values: NestedNumbers, options: { dtype?: T; dims?: Dims } = {}): Tensor<T> {
    const dtype = checkDType(options.dtype ?? 'float32') as T;
    const flat: (number | bigint | boolean)[] = [];
    const nesting: number[] = [];
    flatten(values, 0, nesting, flat);
    const data = new DTYPES[dtype].array(flat.length) as TypedArray;
    flat.forEach((value, i) => {
      data[i] = convert(value, dtype);
    });
    return new Tensor<T>(dtype, data as DTypeArrays[T], options.dims ?? nesting);
  }

  /** A tensor of zeros. */
  static zeros<T extends DType = 'float32'>(dims: Dims, dtype: T = 'float32' as T): Tensor<T> {
    checkDims(dims, 'Tensor.zeros');
    return new Tensor<T>(dtype, new DTYPES[checkDType(dtype)].array(sizeOf(dims)) as DTypeArrays[T], dims);
  }

  /**
   * @internal A tensor whose memory is channels-last, as kernels of convolutions write it: it acts as any other. The first
   * read of its data puts it into row-major order and lets the old memory go, so that there is one truth to write into.
   */
  static channelsLast<T extends DType>(type: T, data: DTypeArrays[T], dims: Dims): Tensor<T> {
    const { raw } = new Tensor<T>(type, data, dims);
    return new Tensor(new RawTensor(type, raw.dims, raw.memory, { channelsLast: true }));
  }

  /** @internal A tensor over memory that was made for it and that nobody else has: see `PrivateMemory`. */
  static privately<T extends DType>(type: T, data: DTypeArrays[T], dims: Dims): Tensor<T> {
    const { raw } = new Tensor<T>(type, data, dims);
    return new Tensor(new PrivateMemory(type, raw.dims, data));
  }

  /** True for a tensor of any copy of this package, and false for everything else. */
  static is(value: unknown): value is Tensor {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  /** A tensor from any `{ type, dims, data }`, ONNX Runtime's among them; shares the data. */
  static wrap(value: { type: string; dims: Dims; data: unknown }): Tensor {
    if (Tensor.is(value)) return value;
    return new Tensor(checkDType(value.type), value.data as TypedArray, [...value.dims]);
  }
}

/** A Float16Array (newer engines have it) as the Uint16Array of its bits; anything else as it is. */
function float16Bits(data: TypedArray): TypedArray {
  if (data?.[Symbol.toStringTag] !== ('Float16Array' as string)) return data;
  return new Uint16Array(data.buffer, data.byteOffset, data.length);
}

function describeData(data: unknown): string {
  return data === null || typeof data !== 'object' ? typeof data : data.constructor.name;
}

function flatten(values: NestedNumbers, depth: number, nesting: number[], out: (number | bigint | boolean)[]): void {
  if (!Array.isArray(values)) {
    if (depth !== nesting.length) throw new OctavoError('INVALID_SHAPE', '[Tensor.from] ragged nesting of arrays');
    out.push(values as number | bigint | boolean);
    return;
  }
  if (depth === nesting.length && out.length === 0) nesting.push(values.length);
  if (nesting[depth] !== values.length)
    throw new OctavoError('INVALID_SHAPE', '[Tensor.from] ragged nesting of arrays');
  for (const value of values) flatten(value, depth + 1, nesting, out);
}

const INTEGER_RANGES: Partial<Record<DType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int32: [-2147483648, 2147483647],
};

function convert(value: number | bigint | boolean, dtype: DType): never {
  if (dtype === 'float32') return Number(value) as never;
  if (dtype === 'float16') return float16FromFloat32(Number(value)) as never;
  if (dtype === 'bool') return (value ? 1 : 0) as never;
  if (dtype === 'int64') {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw new OctavoError('INVALID_DATA', `[Tensor.from] ${value} is no safe integer; give int64 values as bigint`);
    }
    return BigInt(value) as never;
  }
  const number = Number(value);
  const [low, high] = INTEGER_RANGES[dtype] as readonly [number, number];
  if (!Number.isInteger(number) || number < low || number > high) {
    throw new OctavoError('INVALID_DATA', `[Tensor.from] ${number} is outside ${dtype}'s integers ${low} to ${high}`);
  }
  return number as never;
}
