import { DTYPES, Tensor } from '@octavo/core';
import { type Cases, codes, dims, floats, integer, type Random } from './random.js';

const STORAGE = ['uint8', 'int8', 'int32'] as const;

const one = <T>(r: Random, from: readonly T[]): T => from[integer(r, 0, from.length - 1)] as T;
const byte = (r: Random): 'int8' | 'uint8' => one(r, ['int8', 'uint8']);

/** Operands of ONNX's quantization: one scale, one for each index of an axis, or one for each block along it. */
function operands(r: Random) {
  const shape = dims(r, 1, 4, 12);
  const dtype = STORAGE[integer(r, 0, 2)] as (typeof STORAGE)[number];
  const axis = integer(r, 0, shape.length - 1);
  const form = integer(r, 0, 2);
  const blockSize = form === 2 ? integer(r, 1, 4) : 0;
  const layouts = [
    r() < 0.5 ? [] : [1],
    [shape[axis] as number],
    shape.map((dim, i) => (i === axis ? Math.ceil(dim / blockSize) : dim)),
  ];
  const of = layouts[form] as number[];
  const count = of.reduce((a, b) => a * b, 1);
  const scale = new Tensor(
    'float32',
    Float32Array.from({ length: count }, () => 0.01 + r()),
    of,
  );
  const zero = r() < 0.2 ? null : codes(r, of, dtype);
  return { shape, dtype, scale, zero, attrs: { axis, blockSize } };
}

export const LINEAR_QUANTIZATION_CASES: Cases = {
  'octavo::quantize_linear': (r) => {
    const { shape, dtype, scale, zero, attrs } = operands(r);
    const x = r() < 0.2 ? codes(r, shape, 'int32') : floats(r, shape, 0.1);
    return [[x, scale, zero], { ...attrs, dtype: DTYPES[dtype].code }];
  },
  'octavo::dequantize_linear': (r) => {
    const { shape, dtype, scale, zero, attrs } = operands(r);
    return [[codes(r, shape, dtype), scale, zero], attrs];
  },
  'octavo::dynamic_quantize_linear': (r) => {
    const shape = dims(r, 1, 3, 30);
    return [[floats(r, shape, one(r, [0, 0.02, 0.2]))], {}];
  },
  'octavo::requantize_linear': (r) => {
    const shape = dims(r, 1, 4, 9);
    const axis = integer(r, 0, shape.length - 1);
    const lines = r() < 0.5 ? 1 : (shape[axis] as number);
    const sums = codes(r, shape, 'int32');
    const acc =
      r() < 0.3 ? sums : new Tensor('int32', sums.data.map((sum) => sum >> 16) as Int32Array<ArrayBuffer>, shape);
    const zero = codes(r, [r() < 0.5 ? 1 : lines], byte(r));
    return [[acc, floats(r, [lines], 0.1), zero], { axis }];
  },
  'octavo::matmul_integer': (r) => {
    const [m, n, k] = [integer(r, 1, 9), integer(r, 1, 20), integer(r, 1, 70)];
    const batch = dims(r, 0, 2, 3);
    const thin = (): number[] => batch.slice(integer(r, 0, batch.length)).map((dim) => (r() < 0.3 ? 1 : dim));
    const [left, right] = r() < 0.5 ? [batch, thin()] : [thin(), batch];
    const [a, b] = [codes(r, [...left, m, k], byte(r)), codes(r, [...right, k, n], byte(r))];
    const zeros = (of: readonly number[], rows: number, columns: number) =>
      one(r, [
        null,
        codes(r, [], byte(r)),
        codes(r, [rows * columns], byte(r)),
        codes(r, [...of, rows, columns], byte(r)),
      ]);
    return [[a, b, zeros(left, m, 1), zeros(right, 1, n)], {}];
  },
  'octavo::conv_integer': (r) => {
    const axes = integer(r, 1, 3);
    const [groups, perGroup, out] = [integer(r, 1, 3), integer(r, 1, 4), integer(r, 1, 4)];
    const each = (low: number, high: number): number[] => Array.from({ length: axes }, () => integer(r, low, high));
    const [kernel, dilation, padding] = [each(1, 3), each(1, 2), [...each(-1, 2), ...each(0, 2)]];
    const spatial = kernel.map((taps, i) => (dilation[i] as number) * (taps - 1) + 2 + integer(r, 0, 4));
    const x = codes(r, [integer(r, 1, 2), groups * perGroup, ...spatial], byte(r));
    const w = codes(r, [groups * out, perGroup, ...kernel], byte(r));
    const xZero = r() < 0.3 ? null : codes(r, [], byte(r));
    const wZero = one(r, [null, codes(r, [1], byte(r)), codes(r, [groups * out], byte(r))]);
    return [[x, w, xZero, wZero], { stride: each(1, 3), padding, dilation, groups }];
  },
};
