import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import { fma } from '../../src/numerics/fma.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

const ids = (values: number[] | number[][]): Tensor => Tensor.from(values, { dtype: 'int64' });

const weight = Tensor.from([
  [1, 10],
  [2, 20],
  [4, 40],
  [8, -80],
]);

describe('embedding_bag', () => {
  it('takes sums, means and maxima of bags that offsets cut', () => {
    const bags = (mode: 'sum' | 'mean' | 'max'): unknown =>
      F.embeddingBag(ids([0, 1, 3, 2]), weight, ids([0, 3, 3]), { mode }).toArray();
    expect(bags('sum')).toEqual([
      [11, -50],
      [0, 0],
      [4, 40],
    ]);
    expect(bags('mean')).toEqual([
      [Math.fround(11 / 3), Math.fround(-50 / 3)],
      [0, 0],
      [4, 40],
    ]);
    expect(bags('max')).toEqual([
      [8, 20],
      [0, 0],
      [4, 40],
    ]);
    expect(F.embeddingBag(ids([3]), weight, ids([0]), { mode: 'max' }).toArray()).toEqual([[8, -80]]);
  });

  it('takes rows of ids as bags, with the mean where no mode is given', () => {
    const rows = ids([
      [0, 1],
      [2, 2],
    ]);
    expect(F.embeddingBag(rows, weight).toArray()).toEqual([
      [1.5, 15],
      [4, 40],
    ]);
    expectSameBits('offsets', F.embeddingBag(rows, weight), F.embeddingBag(ids([0, 1, 2, 2]), weight, ids([0, 2])));
  });

  it('may be told the end of the last bag', () => {
    const options = { mode: 'sum', includeLastOffset: true } as const;
    expect(F.embeddingBag(ids([0, 1, 2, 3]), weight, ids([0, 2, 3]), options).toArray()).toEqual([
      [3, 30],
      [4, 40],
    ]);
    expect(F.embeddingBag(ids([]), weight, ids([0]), options).raw.dims).toEqual([0, 2]);
  });

  it('leaves the rows of padding out of every mode', () => {
    const of = (mode: 'sum' | 'mean' | 'max'): unknown =>
      F.embeddingBag(
        ids([
          [3, 0, 3, 1],
          [3, 3, 3, 3],
        ]),
        weight,
        null,
        { mode, paddingIdx: 3 },
      ).toArray();
    expect([of('sum'), of('mean'), of('max')]).toEqual([
      [
        [3, 30],
        [0, 0],
      ],
      [
        [1.5, 15],
        [0, 0],
      ],
      [
        [2, 20],
        [0, 0],
      ],
    ]);
  });

  it('weighs samples by fused multiply-adds in the order of the indices', () => {
    const [table, samples] = [randomTensor([9, 3], 1), randomTensor([4], 2)];
    const order = [7, 2, 2, 5];
    const y = F.embeddingBag(ids(order), table, ids([0]), { mode: 'sum', perSampleWeights: samples });
    const column = (j: number): number =>
      order.reduce((sum, row, i) => fma(samples.raw.data[i]!, table.raw.data[row * 3 + j]!, sum), 0);
    expect(y.toArray()).toEqual([[column(0), column(1), column(2)]]);
  });

  it('a NaN is the maximum of its bag, wherever it stands', () => {
    const table = Tensor.from([[1], [Number.NaN], [3]]);
    const max = (...rows: number[]): unknown => F.embeddingBag(ids([rows]), table, null, { mode: 'max' }).toArray();
    expect([max(0, 1, 2), max(1, 2), max(2, 0)]).toEqual([[[Number.NaN]], [[Number.NaN]], [[3]]]);
  });

  it('says what does not fit', () => {
    expect(() => F.embeddingBag(ids([0, 4]), weight, ids([0]))).toThrow(
      "[aten::embedding_bag] index 4 at position 1 is outside the table's 0 to 3",
    );
    expect(() => F.embeddingBag(ids([0]), weight)).toThrow('expected indices [bags, n], or [n] with offsets, got [1]');
    expect(() => F.embeddingBag(ids([0, 1]), weight, ids([1]))).toThrow('offsets must begin at 0');
    expect(() => F.embeddingBag(ids([0, 1]), weight, ids([0, 3]))).toThrow('rise to at most 2');
    expect(() => F.embeddingBag(ids([0]), weight, ids([0]), { perSampleWeights: Tensor.from([1]) })).toThrow(
      "perSampleWeights belong to mode 'sum' only",
    );
    expect(() =>
      F.embeddingBag(ids([0]), weight, ids([0]), { mode: 'sum', perSampleWeights: Tensor.from([1, 2]) }),
    ).toThrow('expected perSampleWeights [1], got [2]');
    expect(() => F.embeddingBag(ids([0]), weight, ids([0]), { mode: 'men' as 'mean' })).toThrow(
      "[embeddingBag] mode must be sum, mean, max, got 'men'; did you mean 'mean'?",
    );
  });
});
