import { DTYPES, Tensor } from '@octavo/core';
import { type Cases, codes, dims, floats, integer, type Random } from './random.js';

const STORAGE = ['uint8', 'int8', 'int32'] as const;

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
};
