import { describe, expect, it } from 'vitest';
import { dispatch, OP_LIST, type Operand, opByName, referenceBackend, Tensor, withBackend } from '../../src/index.js';
import { power } from '../../src/numerics/power.js';

const run = (op: string, inputs: readonly (Operand | null)[], attrs = {}): unknown[] =>
  withBackend(referenceBackend, () => dispatch(opByName(op), inputs, attrs)).map((tensor) => tensor.toArray());
const ints = (values: never, dtype: 'int64' | 'int32' | 'uint8' | 'int8' | 'bool' = 'int64') =>
  Tensor.from(values, { dtype });
const f32 = (values: never) => Tensor.from(values);

describe('array ops', () => {
  it.each<[string, Operand[], object, unknown]>([
    ['aten::abs', [f32([-1.5, 2] as never)], {}, [1.5, 2]],
    ['aten::abs', [ints([-3, 4] as never)], {}, [3n, 4n]],
    ['aten::round', [f32([0.5, 1.5, -2.5] as never)], {}, [0, 2, -2]],
    ['aten::sign', [f32([-2, 0, 3, Number.NaN] as never)], {}, [-1, 0, 1, Number.NaN]],
    ['aten::logical_not', [ints([true, false] as never, 'bool')], {}, [0, 1]],
    [
      'aten::eq',
      [ints([1, 2] as never), ints([[1], [2]] as never)],
      {},
      [
        [1, 0],
        [0, 1],
      ],
    ],
    ['aten::lt', [f32([1, Number.NaN] as never), f32([2, 2] as never)], {}, [1, 0]],
    ['aten::maximum', [f32([1, Number.NaN] as never), f32([2, 2] as never)], {}, [2, Number.NaN]],
    ['octavo::div_integers', [ints([-7, 7, 1] as never), ints([2, 2, 0] as never)], {}, [-3n, 3n, 0n]],
    ['octavo::add_integers', [ints([127] as never, 'int8'), ints([1] as never, 'int8')], {}, [-128]],
    [
      'aten::pow',
      [ints([3, -2, 1, 2] as never, 'int32'), ints([41, -3, -3, 32] as never, 'int32')],
      {},
      [2069870691, 0, 1, 0],
    ],
    [
      'aten::pow',
      [ints([3, -1, 7] as never), ints([2n ** 40n, -3n, 2n] as never)],
      {},
      [-7860764868738023423n, -1n, 49n],
    ],
    ['aten::remainder', [ints([-7, 7] as never, 'int32'), ints([3, -3] as never, 'int32')], {}, [2, -2]],
    ['aten::where', [ints([true, false] as never, 'bool'), f32([1, 2] as never), f32(9 as never)], {}, [1, 9]],
    [
      'octavo::take',
      [
        f32([
          [1, 2],
          [3, 4],
        ] as never),
        ints([1, -2] as never),
      ],
      { dim: 1 },
      [
        [2, 1],
        [4, 3],
      ],
    ],
    [
      'aten::gather',
      [
        f32([
          [1, 2],
          [3, 4],
        ] as never),
        ints([[1, 0]] as never),
      ],
      { dim: 0 },
      [[3, 2]],
    ],
    [
      'aten::expand',
      [f32([[1], [2]] as never)],
      { dims: [2, 1, 2] },
      [
        [
          [1, 1],
          [2, 2],
        ],
        [
          [1, 1],
          [2, 2],
        ],
      ],
    ],
    [
      'aten::repeat',
      [f32([[1, 2]] as never)],
      { repeats: [2, 2] },
      [
        [1, 2, 1, 2],
        [1, 2, 1, 2],
      ],
    ],
    [
      'aten::flip',
      [
        f32([
          [1, 2],
          [3, 4],
        ] as never),
      ],
      { dims: [-1] },
      [
        [2, 1],
        [4, 3],
      ],
    ],
    ['octavo::pad_from', [f32([1, 2, 3] as never)], { padding: [2, 1], mode: 0 }, [3, 2, 1, 2, 3, 2]],
    ['octavo::pad_from', [f32([1, 2, 3] as never)], { padding: [1, 2], mode: 1 }, [1, 1, 2, 3, 3, 3]],
    ['octavo::pad_from', [f32([1, 2, 3] as never)], { padding: [-1, 2], mode: 2 }, [2, 3, 1, 2]],
    [
      'octavo::tri',
      [
        f32([
          [1, 2],
          [3, 4],
        ] as never),
      ],
      { diagonal: 0, upper: 0 },
      [
        [1, 0],
        [3, 4],
      ],
    ],
    ['aten::squeeze', [f32([[[1], [2]]] as never)], { dims: [0, -1] }, [1, 2]],
    [
      'octavo::flatten_to_matrix',
      [
        f32([
          [
            [1, 2],
            [3, 4],
          ],
        ] as never),
      ],
      { dim: 2 },
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['octavo::slice_like', [f32([1, 2, 3] as never), f32([[0, 0]] as never)], { dim: 0, likeDim: 1 }, [1, 2]],
    ['octavo::reshape_like', [f32([1, 2] as never), f32([[0], [0]] as never)], { dims: [-3, -2] }, [[1, 2]]],
    ['aten::_shape_as_tensor', [f32([[0], [0]] as never)], {}, [2n, 1n]],
    ['octavo::expand_like', [f32([3] as never), f32([[0, 0]] as never)], { dim: 0, likeDim: 1 }, [3, 3]],
    ['octavo::slice_like', [f32([1] as never), f32([[0, 0]] as never)], { dim: 0, likeDim: 1 }, [1]],
    [
      'aten::sum',
      [
        f32([
          [1, 2],
          [3, 4],
        ] as never),
      ],
      { dims: [0], keepDim: 0 },
      [4, 6],
    ],
    [
      'aten::amax',
      [
        ints([
          [1, 5],
          [3, 4],
        ] as never),
      ],
      { dims: [], keepDim: 1 },
      [[5n]],
    ],
    ['aten::prod', [f32([[2, 3]] as never)], { dims: [1], keepDim: 0 }, [6]],
    ['aten::argmax', [f32([[1, 3, 3]] as never)], { dim: 1, keepDim: 0, last: 0 }, [1n]],
    ['aten::argmax', [f32([[1, 3, 3]] as never)], { dim: 1, keepDim: 0, last: 1 }, [2n]],
    ['aten::cumsum', [f32([1, 2, 3] as never)], { dim: 0, exclusive: 1, reverse: 1 }, [5, 3, 0]],
    [
      'octavo::matmul_integer',
      [ints([[2, 3]] as never, 'uint8'), ints([[1], [-1]] as never, 'int8'), ints(1 as never, 'uint8')],
      {},
      [[-1]],
    ],
    [
      'octavo::requantize_linear',
      [ints([[3, 5, 900]] as never, 'int32'), f32(0.5 as never), ints(1 as never, 'uint8')],
      { axis: 1 },
      [[3, 3, 255]],
    ],
  ])('%s', (op, inputs, attrs, expected) => {
    expect(run(op, inputs, attrs)[0]).toEqual(expected);
  });

  it('topk sorts and takes the lower index of equals', () => {
    expect(run('aten::topk', [f32([[1, 3, 3, 2]] as never)], { k: 3, dim: 1, largest: 1 })).toEqual([
      [[3, 3, 2]],
      [[1n, 2n, 3n]],
    ]);
  });

  it('indices out of range are an error that names them', () => {
    const x = f32([1, 2] as never);
    expect(() => run('octavo::take', [x, ints([2] as never)], { dim: 0 })).toThrow(/index 2 is outside a dim of 2/);
  });

  it('running sums of int32 wrap, however many there are', () => {
    const x = new Tensor('int32', new Int32Array(2 ** 22 + 1).fill(-(2 ** 31) + 1));
    const [sums] = withBackend(referenceBackend, () => dispatch(opByName('aten::cumsum'), [x], { dim: 0 }));
    // (2^22 + 1) (1 - 2^31) mod 2^32.
    expect(sums?.data.at(-1)).toBe(-(2 ** 31) + 2 ** 22 + 1);
  });

  it.each<[string, Operand[], object, RegExp]>([
    ['octavo::pad_from', [f32([1, 2] as never)], { padding: [1, 0], mode: 3 }, /mode must be 0 to 2, got 3/],
    ['octavo::pad_from', [Tensor.zeros([0])], { padding: [1, 0], mode: 1 }, /expected elements to pad from, got \[0\]/],
    ['aten::topk', [Tensor.zeros([3], 'float16')], { k: 1, dim: 0, largest: 1 }, /x must be .*, got float16/],
    [
      'octavo::matmul_integer',
      [Tensor.zeros([2, 3], 'int8'), Tensor.zeros([3, 4], 'int8'), Tensor.zeros([4], 'int8')],
      {},
      /aZeroPoint: one, or 2/,
    ],
    [
      'octavo::conv_integer',
      [Tensor.zeros([1, 1, 3], 'int8'), Tensor.zeros([1, 1, 2], 'int8')],
      { stride: [0], padding: [0, 0], dilation: [1], groups: 1 },
      /strides, pads .* for 1 axes/,
    ],
    [
      'octavo::requantize_linear',
      [Tensor.zeros([2, 3], 'int32'), Tensor.zeros([3]), Tensor.zeros([2], 'int8')],
      { axis: 1 },
      /as many as multipliers/,
    ],
  ])('%s refuses what its formula does not cover, %#', (op, inputs, attrs, message) => {
    expect(() => run(op, inputs, attrs)).toThrow(message);
  });

  it('have the opcodes 120 to 171, each once', () => {
    const codes = OP_LIST.map(({ opcode }) => opcode).filter((code) => code >= 120 && code <= 171);
    expect(codes).toEqual(Array.from({ length: 52 }, (_, i) => 120 + i));
  });
});

describe("ONNX's linear quantization", () => {
  it('divides by the scale, and rounds half to even before the zero point', () => {
    const attrs = { axis: 1, blockSize: 0, dtype: 3 };
    const x = f32([0.5, 1.5, -1, 400, Number.NaN] as never);
    expect(run('octavo::quantize_linear', [x, f32(1 as never), ints(10 as never, 'uint8')], attrs)[0]).toEqual([
      10, 12, 9, 255, 10,
    ]);
  });

  it('takes one scale for each index of an axis', () => {
    const codes = ints(
      [
        [1, 2],
        [3, 4],
      ] as never,
      'int8',
    );
    const scales = f32([1, 0.5] as never);
    expect(run('octavo::dequantize_linear', [codes, scales, null], { axis: 1, blockSize: 0 })[0]).toEqual([
      [1, 1],
      [3, 2],
    ]);
    expect(run('octavo::dequantize_linear', [codes, scales, null], { axis: 0, blockSize: 0 })[0]).toEqual([
      [1, 2],
      [1.5, 2],
    ]);
  });

  it('chooses dynamic ranges as the operator defines them', () => {
    // The example of the operator's specification.
    expect(run('octavo::dynamic_quantize_linear', [f32([0, 2, -3, -2.5, 1.34, 0.5] as never)])).toEqual([
      [153, 255, 0, 26, 221, 179],
      Math.fround(0.019607843831181526),
      153,
    ]);
    expect(run('octavo::dynamic_quantize_linear', [f32([0, 0] as never)])).toEqual([[0, 0], 1, 0]);
  });
});

describe('pow', () => {
  it('is within one rounding of the double result', () => {
    for (let i = 1; i < 4000; i++) {
      const x = Math.fround(i * 0.0137);
      const y = Math.fround(i * 0.01 - 20);
      expect(Math.abs(power(x, y) / x ** y - 1)).toBeLessThanOrEqual(2 ** -23);
    }
  });

  it.each([
    [2, 0.5, Math.fround(Math.SQRT2)],
    [-2, 3, -8],
    [-2, 0.5, Number.NaN],
    [0, -1, Number.POSITIVE_INFINITY],
    [0.5, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
    [5, 0, 1],
  ])('%f ^ %f', (base, exponent, expected) => expect(power(base, exponent)).toBe(expected));
});
