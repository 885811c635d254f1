import { DTYPES, type DType, sizeOf, Tensor } from '@octavo/core';
import { type Cases, codes, dims, floats, integer, type Random } from './random.js';

const NUMBERS = ['float32', 'int8', 'uint8', 'int32', 'int64'] as const;
const INTEGERS = ['int8', 'uint8', 'int32', 'int64'] as const;

/** A tensor of any dtype: small values, so that some are equal, and the ends of its range. */
function elements(r: Random, shape: readonly number[], dtype: DType): Tensor {
  if (dtype === 'float32') return floats(r, shape, 0.2);
  const bits = DTYPES[dtype].bytes * 8;
  const unsigned = dtype === 'uint8';
  const low = unsigned ? 0n : -(2n ** BigInt(bits - 1));
  const values = Array.from({ length: sizeOf(shape) }, () => {
    if (dtype === 'bool') return BigInt(integer(r, 0, 1));
    if (r() < 0.1) return r() < 0.5 ? low : low + 2n ** BigInt(bits) - 1n;
    return BigInt(integer(r, unsigned ? 0 : -3, 3));
  });
  const data = new DTYPES[dtype].array(values.length) as unknown as { [i: number]: bigint | number };
  values.forEach((value, i) => {
    data[i] = dtype === 'int64' ? value : Number(value);
  });
  return new Tensor(dtype, data as never, shape);
}

const one = <T>(r: Random, from: readonly T[]): T => from[integer(r, 0, from.length - 1)] as T;
const anyDtype = (r: Random): DType => one(r, [...NUMBERS, 'bool']);

/** Dims that broadcast to `shape`. */
const thin = (r: Random, shape: readonly number[]): number[] =>
  shape.slice(r() < 0.3 ? integer(r, 0, shape.length) : 0).map((d) => (r() < 0.3 ? 1 : d));

const unary =
  (dtypes: readonly DType[]): Cases[string] =>
  (r) => [[elements(r, dims(r, 0, 3, 20), one(r, dtypes))], {}];

const binary =
  (dtypes: readonly DType[]): Cases[string] =>
  (r) => {
    const [shape, dtype] = [dims(r, 0, 4, 9), one(r, dtypes)];
    const [a, b] = r() < 0.5 ? [shape, thin(r, shape)] : [thin(r, shape), shape];
    return [[elements(r, a, dtype), elements(r, b, dtype)], {}];
  };

const reduction =
  (dtypes: readonly DType[]): Cases[string] =>
  (r) => {
    const shape = r() < 0.2 ? [integer(r, 1, 4), integer(r, 1, 40), integer(r, 60, 140)] : dims(r, 0, 4, 9);
    const axes = shape.flatMap((_, axis) => (r() < 0.5 ? [r() < 0.3 ? axis - shape.length : axis] : []));
    return [[elements(r, shape, one(r, dtypes))], { dims: axes, keepDim: integer(r, 0, 1) }];
  };

const anyDim = (r: Random, shape: readonly number[]): number => integer(r, -shape.length, shape.length - 1);

function extremePlace(r: Random): ReturnType<Cases[string]> {
  const shape = dims(r, 1, 4, 9);
  const attrs = { dim: anyDim(r, shape), keepDim: integer(r, 0, 1), last: integer(r, 0, 1) };
  return [[elements(r, shape, anyDtype(r))], attrs];
}

function indices(r: Random, shape: readonly number[], size: number): Tensor {
  const dtype = one(r, ['int32', 'int64'] as const);
  const values = Array.from({ length: sizeOf(shape) }, () => integer(r, -size, size - 1));
  return Tensor.from(values, { dtype, dims: shape });
}

/** Padding [begin..., end...] of some last dims, that takes no dim below 0. */
function padding(r: Random, shape: readonly number[]): number[] {
  const axes = integer(r, 0, shape.length);
  const side = (): number[] => shape.slice(shape.length - axes).map((dim) => integer(r, -(dim >> 1), 3));
  return [...side(), ...side()];
}

/** Random operands of the ops that imported graphs need besides those of modules. */
export const ARRAY_CASES: Cases = {
  'aten::abs': unary(NUMBERS),
  'aten::sign': unary(NUMBERS),
  'aten::floor': unary(['float32']),
  'aten::ceil': unary(['float32']),
  'aten::round': unary(['float32']),
  'aten::reciprocal': unary(['float32']),
  'aten::log': (r) => [[floats(r, dims(r, 1, 3, 40), 0.3)], {}],
  'aten::logical_not': unary(['bool']),
  'aten::eq': binary([...NUMBERS, 'bool']),
  'aten::lt': binary(NUMBERS),
  'aten::le': binary(NUMBERS),
  'aten::logical_and': binary(['bool']),
  'aten::logical_or': binary(['bool']),
  'aten::logical_xor': binary(['bool']),
  'aten::minimum': binary(NUMBERS),
  'aten::maximum': binary(NUMBERS),
  'octavo::add_integers': binary(INTEGERS),
  'octavo::sub_integers': binary(INTEGERS),
  'octavo::mul_integers': binary(INTEGERS),
  'octavo::div_integers': binary(INTEGERS),
  'aten::fmod': binary(NUMBERS),
  'aten::remainder': binary(NUMBERS),
  'aten::pow': binary(NUMBERS),
  'aten::where': (r) => {
    const [shape, dtype] = [dims(r, 0, 4, 7), anyDtype(r)];
    const operands = [shape, thin(r, shape), thin(r, shape)].sort(() => r() - 0.5) as number[][];
    const [condition, a, b] = operands as [number[], number[], number[]];
    return [[elements(r, condition, 'bool'), elements(r, a, dtype), elements(r, b, dtype)], {}];
  },
  'octavo::take': (r) => {
    const shape = dims(r, 1, 4, 7);
    const dim = integer(r, 0, shape.length - 1);
    const picked = indices(r, dims(r, 0, 2, 5), shape[dim] as number);
    return [[elements(r, shape, anyDtype(r)), picked], { dim: r() < 0.3 ? dim - shape.length : dim }];
  },
  'aten::gather': (r) => {
    const shape = dims(r, 1, 4, 7);
    const dim = integer(r, 0, shape.length - 1);
    const own = shape.map((size, axis) => (axis === dim ? integer(r, 1, 9) : integer(r, 1, size)));
    return [[elements(r, shape, anyDtype(r)), indices(r, own, shape[dim] as number)], { dim }];
  },
  'aten::expand': (r) => {
    const shape = dims(r, 0, 4, 7);
    return [[elements(r, thin(r, shape), anyDtype(r))], { dims: shape.map((dim) => (r() < 0.2 ? 1 : dim)) }];
  },
  'aten::repeat': (r) => {
    const shape = dims(r, 0, 4, 6);
    return [[elements(r, shape, anyDtype(r))], { repeats: shape.map(() => integer(r, 0, 3)) }];
  },
  'aten::flip': (r) => {
    const shape = dims(r, 1, 4, 7);
    const axes = shape.flatMap((_, axis) => (r() < 0.5 ? [axis] : []));
    return [[elements(r, shape, anyDtype(r))], { dims: axes }];
  },
  'octavo::pad_from': (r) => {
    const shape = dims(r, 0, 4, 6);
    const side = (): number[] => shape.map((dim) => integer(r, -(dim >> 1), 9));
    return [[elements(r, shape, anyDtype(r))], { padding: [...side(), ...side()], mode: integer(r, 0, 2) }];
  },
  'octavo::tri': (r) => [
    [elements(r, dims(r, 2, 4, 9), anyDtype(r))],
    { diagonal: integer(r, -10, 10), upper: integer(r, 0, 1) },
  ],
  'octavo::slice_like': (r) => {
    const [shape, like] = [dims(r, 1, 4, 7), dims(r, 1, 3, 9)];
    const attrs = { dim: integer(r, 0, shape.length - 1), likeDim: integer(r, 0, like.length - 1) };
    return [[elements(r, shape, anyDtype(r)), floats(r, like)], attrs];
  },
  'octavo::expand_like': (r) => {
    const [shape, like] = [dims(r, 1, 4, 7), dims(r, 1, 3, 9)];
    const attrs = { dim: integer(r, 0, shape.length - 1), likeDim: integer(r, 0, like.length - 1) };
    return [[elements(r, shape.with(attrs.dim, 1), anyDtype(r)), floats(r, like)], attrs];
  },
  'octavo::reshape_like': (r) => {
    const shape = dims(r, 1, 3, 7);
    const x = elements(r, [shape.reduce((a, b) => a * b, 1)], anyDtype(r));
    return [[x, floats(r, shape)], { dims: shape.map((_, axis) => (axis === 0 ? -1 : -2 - axis)) }];
  },
  'aten::_shape_as_tensor': (r) => [[elements(r, dims(r, 1, 4, 9), anyDtype(r))], {}],
  'aten::pad': (r) => {
    const shape = dims(r, 1, 4, 7);
    return [[floats(r, shape, 0.1)], { padding: padding(r, shape), value: r() < 0.5 ? 0 : 1.5 }];
  },
  'quantized::pad': (r) => {
    const [shape, dtype] = [dims(r, 1, 4, 7), one(r, ['int8', 'uint8'] as const)];
    const xZeroPoint = dtype === 'int8' ? integer(r, -128, 127) : integer(r, 0, 255);
    return [[codes(r, shape, dtype)], { padding: padding(r, shape), xZeroPoint }];
  },
  'aten::mean': reduction(['float32']),
  'aten::sum': reduction(['float32', 'int32', 'int64']),
  'aten::amax': reduction([...NUMBERS, 'bool']),
  'aten::amin': reduction([...NUMBERS, 'bool']),
  'aten::prod': reduction(['float32', 'int32', 'int64']),
  'aten::argmax': extremePlace,
  'aten::argmin': extremePlace,
  'aten::cumsum': (r) => {
    const shape = dims(r, 1, 4, 7);
    const attrs = { dim: anyDim(r, shape), exclusive: integer(r, 0, 1), reverse: integer(r, 0, 1) };
    return [[elements(r, shape, one(r, ['float32', 'int32', 'int64']))], attrs];
  },
  'aten::topk': (r) => {
    const shape = dims(r, 1, 3, 20);
    const dim = anyDim(r, shape);
    const attrs = { k: integer(r, 0, shape.at(dim) as number), dim, largest: integer(r, 0, 1) };
    return [[elements(r, shape, anyDtype(r))], attrs];
  },
  'aten::log_softmax': (r) => {
    const shape = dims(r, 1, 3, 40);
    return [[floats(r, shape, r() < 0.2 ? 0.05 : 0)], { dim: integer(r, -shape.length, shape.length - 1) }];
  },
  'aten::upsample_nearest': (r) => {
    const size = dims(r, 1, 3, 12);
    return [[floats(r, [...dims(r, 1, 2, 3), ...size.map(() => integer(r, 1, 7))], 0.1)], { size }];
  },
  'aten::upsample_bilinear': (r) => {
    const size = [integer(r, 1, 15), integer(r, 1, 15)];
    const shape = [...dims(r, 1, 2, 3), integer(r, 1, 9), integer(r, 1, 9)];
    return [[floats(r, shape, 0.02)], { size, alignCorners: integer(r, 0, 1) }];
  },
};
