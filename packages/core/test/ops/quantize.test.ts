import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import { opByName } from '../../src/ops/op-table.js';
import { DTYPES } from '../../src/tensor/dtype.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

const ints = (...values: number[]): Tensor => Tensor.from(values, { dtype: 'int32' });

describe('choose_qparams and quantize as ops of their own', () => {
  const x = randomTensor([2, 3, 8], 11);

  it('per row: the codes and pairs of quantize_dynamic', () => {
    for (const reduceRange of [false, true]) {
      const whole = F.quantizeDynamic(x, { scheme: 'perRow', reduceRange });
      const { scales, zeroPoints } = F.chooseQParamsPerRow(x, reduceRange);
      expectSameBits('scales', scales, whole.scales);
      expectSameBits('zeroPoints', zeroPoints, whole.zeroPoints);
      expectSameBits('codes', F.quantizePerRow(x, scales, zeroPoints), whole.codes);
    }
  });

  it('per tensor: the pair of quantize_dynamic, as one-element tensors', () => {
    const { scale, zeroPoint } = F.chooseQParamsPerTensor(x, true);
    const whole = F.quantizeDynamic(x, { scheme: 'perTensor', reduceRange: true });
    expect([scale.raw.dims, zeroPoint.raw.dims]).toEqual([[1], [1]]);
    expect([scale.item(), zeroPoint.item()]).toEqual([whole.scales.raw.data[0], whole.zeroPoints.raw.data[0]]);
    expect(F.chooseQParamsPerTensor(Tensor.zeros([0])).scale.item()).toBe(Math.fround(0.1));
  });

  it('dequantize per tensor, per channel and per row', () => {
    const codes = Tensor.from(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: 'uint8' },
    );
    const two = Tensor.from([0.5, 2]);
    expect(F.dequantize(codes, Tensor.from([0.5]), ints(1)).toArray()).toEqual([
      [0, 0.5],
      [1, 1.5],
    ]);
    expect(F.dequantize(codes, two, ints(0, 1), 0).toArray()).toEqual([
      [0.5, 1],
      [4, 6],
    ]);
    expect(F.dequantize(codes, two, ints(0, 1), 1).toArray()).toEqual([
      [0.5, 2],
      [1.5, 6],
    ]);
    expect(F.dequantize(codes, two, ints(0, 1), 'row').toArray()).toEqual([
      [0.5, 1],
      [4, 6],
    ]);
  });

  it('int32 codes go through one float rounding for the difference and one for the product', () => {
    const codes = ints(2147483647, -2147483648);
    const y = F.dequantize(codes, Tensor.from([0.1]), ints(-2147483648));
    expect(y.toArray()).toEqual([Math.fround(2 ** 32 * Math.fround(0.1)), 0]);
  });

  it('says what does not fit', () => {
    const one = Tensor.from([1]);
    expect(() => F.quantizePerTensor(x, Tensor.from([1, 2]), ints(0, 0))).toThrow(
      '[aten::quantize_per_tensor] expected 1 scales and zero points, got [2] and [2]',
    );
    expect(() => F.quantizePerTensor(x, one, Tensor.from([0]))).toThrow('zeroPoints must be int32, got float32');
    expect(() => F.quantizePerTensor(x, one, ints(0), 'float32' as never)).toThrow(
      'codes are uint8, int8 or int32, not float32',
    );
    expect(() => F.quantizePerChannel(x, one, ints(0), 1)).toThrow('expected 3 scales and zero points');
    expect(() => F.quantizePerChannel(x, one, ints(0), 3)).toThrow('axis 3 is outside a tensor of rank 3');
    expect(() => F.quantizePerChannel(x, one, ints(0), -1)).toThrow('axis must be 0 or more, got -1');
    expect(() => F.quantizePerRow(x, one, ints(0))).toThrow('expected 6 scales and zero points');
    expect(() => F.dequantize(x, one, ints(0))).toThrow('codes must be uint8 or int8 or int32, got float32');
    expect(() => F.dequantize(Tensor.zeros([2], 'uint8'), one, ints(0), -3)).toThrow('a tensor with an axis -3');
    expect(() => F.chooseQParamsPerRow(Tensor.from(1))).toThrow('expected x [..., k], got []');
  });

  it('empty tensors have empty codes', () => {
    const empty = Tensor.zeros([2, 0]);
    const { scales, zeroPoints } = F.chooseQParamsPerRow(empty);
    expect(F.quantizePerRow(empty, scales, zeroPoints).raw.dims).toEqual([2, 0]);
    expect(
      F.dequantize(Tensor.zeros([0, 4], 'uint8'), Tensor.zeros([0]), Tensor.zeros([0], 'int32'), 'row').raw.dims,
    ).toEqual([0, 4]);
  });

  it('a dtype attribute is a code of the table', () => {
    const op = opByName('aten::quantize_per_tensor');
    const meta = [
      { dtype: 'float32', dims: [2] },
      { dtype: 'float32', dims: [1] },
      { dtype: 'int32', dims: [] },
    ] as const;
    expect(op.infer(meta, { dtype: DTYPES.int8.code })).toEqual([{ dtype: 'int8', dims: [2] }]);
    expect(() => op.infer(meta, { dtype: 99 })).toThrow('99 is no dtype code');
  });
});
