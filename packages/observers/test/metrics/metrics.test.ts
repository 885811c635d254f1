import { QuantizedTensor, Tensor } from '@octavo/core';
import { expect, test } from 'vitest';
import { cosine, maxAbsError, sqnr } from '../../src/index.js';
import { goldenTest } from '../support/golden.js';

const x = Tensor.from([3, -4]);

test('sqnr', () => {
  expect(sqnr(x, Tensor.from([3, -4.5]))).toBeCloseTo(20, 10);
  expect(sqnr(x, x)).toBe(Number.POSITIVE_INFINITY);
  expect(sqnr([0, 0], [1, 0])).toBe(Number.NEGATIVE_INFINITY);
});

goldenTest('sqnr as PyTorch’s numeric suite', 'numeric_suite', ({ cases, tensor }) => {
  const own = cases.filter(({ op }) => op === 'sqnr');
  expect(own).toHaveLength(6);
  for (const { inputs, outputs, tolerance } of own) {
    const difference = sqnr(tensor(inputs.x), tensor(inputs.y)) - (outputs.sqnr as number);
    expect(Math.abs(difference)).toBeLessThanOrEqual(tolerance as number);
  }
});

test('cosine', () => {
  expect(cosine(x, Tensor.from([6, -8]))).toBeCloseTo(1, 12);
  expect(cosine(x, Tensor.from([-3, 4]))).toBeCloseTo(-1, 12);
  expect(cosine(x, Tensor.from([4, 3]))).toBeCloseTo(0, 12);
  expect([cosine([0], [0]), cosine([0], [1])]).toEqual([1, 0]);
});

test('maxAbsError', () => {
  expect(maxAbsError(x, [3.5, -4])).toBe(0.5);
  expect(maxAbsError([], [])).toBe(0);
  expect(maxAbsError([Number.POSITIVE_INFINITY], [Number.POSITIVE_INFINITY])).toBe(0);
  expect(maxAbsError([Number.NaN], [0])).toBeNaN();
});

test('quantized tensors count as what they stand for', () => {
  const codes = Tensor.from(
    [
      [1, 2],
      [3, 4],
    ],
    { dtype: 'int8' },
  );
  const rows = new QuantizedTensor('qint8', codes, {
    scales: Float32Array.of(1, 2),
    zeroPoints: Int32Array.of(0, 1),
    axis: 0,
  });
  const columns = new QuantizedTensor('qint8', codes, {
    scales: Float32Array.of(1, 2),
    zeroPoints: Int32Array.of(0, 1),
    axis: 1,
  });
  const whole = new QuantizedTensor('qint8', codes, { scales: Float32Array.of(0.5), zeroPoints: Int32Array.of(2) });
  expect(maxAbsError(rows, [1, 2, 4, 6])).toBe(0);
  expect(maxAbsError(columns, [1, 2, 3, 6])).toBe(0);
  expect(maxAbsError(whole, [-0.5, 0, 0.5, 1])).toBe(0);
});

test('sizes and dtypes that cannot be compared', () => {
  expect(() => sqnr([1], [1, 2])).toThrow('[sqnr] expected two tensors of one size, got 1 and 2 elements');
  expect(() => cosine(Tensor.from([1], { dtype: 'int64' }), [1])).toThrow('got int64');
});
