import '../reference-only.js';
import { expect, it } from 'vitest';
import { isOctavoError } from '../../src/errors.js';
import * as F from '../../src/functional.js';
import { Tensor } from '../../src/tensor/tensor.js';

const table = Tensor.from([
  [1, 2],
  [3, 4],
  [5, 6],
]);

it('looks up rows by int64 and int32 ids of any shape', () => {
  expect(F.embedding(Tensor.from([[2, 0]], { dtype: 'int64' }), table).toArray()).toEqual([
    [
      [5, 6],
      [1, 2],
    ],
  ]);
  expect(F.embedding(Tensor.from(1, { dtype: 'int32' }), table).toArray()).toEqual([3, 4]);
  expect(F.embedding(Tensor.zeros([0, 4], 'int64'), table).raw.dims).toEqual([0, 4, 2]);
});

it('names an id that is out of range, and the range', () => {
  const run = (ids: number[]): unknown => F.embedding(Tensor.from(ids, { dtype: 'int64' }), table);
  expect(() => run([0, 3])).toThrow("[aten::embedding] id 3 at position 1 is outside the table's 0 to 2");
  expect(() => run([-1])).toThrow('id -1 at position 0');
  try {
    run([9]);
  } catch (error) {
    expect(isOctavoError(error) && error.code).toBe('INVALID_DATA');
  }
});

it('takes no float ids and no table of another rank', () => {
  expect(() => F.embedding(table, table)).toThrow('ids must be int64 or int32, got float32');
  expect(() => F.embedding(Tensor.from([1], { dtype: 'int64' }), Tensor.from([1, 2]))).toThrow(
    'expected weight [entries, width], got [2]',
  );
});
