import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

describe('matmul', () => {
  it('multiplies matrices', () => {
    const y = F.matmul(
      Tensor.from([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      Tensor.from([
        [7, 8, 9],
        [10, 11, 12],
      ]),
    );
    expect(y.toArray()).toEqual([
      [27, 30, 33],
      [61, 68, 75],
      [95, 106, 117],
    ]);
  });

  it('broadcasts the batch dims', () => {
    const a = randomTensor([2, 1, 3, 4], 1);
    const b = randomTensor([5, 4, 2], 2);
    const y = F.matmul(a, b);
    expect(y.raw.dims).toEqual([2, 5, 3, 2]);
    for (const [i, j] of [
      [0, 0],
      [1, 3],
    ] as const) {
      const alone = F.matmul(F.reshape(F.select(a, 0, i), [3, 4]), F.select(b, 0, j));
      expectSameBits(`${i},${j}`, F.select(F.select(y, 0, i), 0, j), alone);
    }
  });

  it('has the bits of linear with the transposed weight', () => {
    const [x, weight] = [randomTensor([3, 9], 3), randomTensor([4, 9], 4)];
    expectSameBits('linear', F.matmul(x, F.transpose(weight, 0, 1)), F.linear(x, weight));
  });

  it('says what does not fit', () => {
    expect(() => F.matmul(Tensor.zeros([3]), Tensor.zeros([3, 2]))).toThrow(
      '[aten::matmul] expected a [..., m, k] and b [..., k, n], got [3] and [3, 2]',
    );
    expect(() => F.matmul(Tensor.zeros([2, 3]), Tensor.zeros([2, 3]))).toThrow('got [2, 3] and [2, 3]');
    expect(() => F.matmul(Tensor.zeros([2, 2, 3]), Tensor.zeros([3, 3, 2]))).toThrow('cannot be broadcast');
    expect(F.matmul(Tensor.zeros([0, 2, 3]), Tensor.zeros([3, 4])).raw.dims).toEqual([0, 2, 4]);
  });
});
