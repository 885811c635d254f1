import '../reference-only.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import { DTYPES, type DType } from '../../src/tensor/dtype.js';
import { sizeOf } from '../../src/tensor/shape.js';
import { Tensor } from '../../src/tensor/tensor.js';

const x = Tensor.from([
  [
    [0, 1, 2],
    [3, 4, 5],
  ],
]); // [1, 2, 3]
const counting = (dims: number[]): Tensor<'float32'> =>
  new Tensor(
    'float32',
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => i),
    dims,
  );

describe('reshape and unsqueeze', () => {
  it('0 copies a dim, -1 takes what is left, the data is shared', () => {
    const y = F.reshape(x, [0, -1]);
    expect(y.raw.dims).toEqual([1, 6]);
    expect(y.raw.data).toBe(x.raw.data);
    expect(F.reshape(x, [0, 0, 3, -1]).raw.dims).toEqual([1, 2, 3, 1]);
    expect(F.reshape(Tensor.zeros([0, 3]), [0, 5, -1]).raw.dims).toEqual([0, 5, 0]);
    expect(F.reshape(Tensor.from([7]), []).raw.dims).toEqual([]);
  });

  it('reshape says what it cannot do', () => {
    expect(() => F.reshape(x, [4, -1])).toThrow(
      '[aten::reshape] cannot reshape [1, 2, 3] (6 elements) to [4, -1]; 0 copies a dim, one -1 takes what is left',
    );
    expect(() => F.reshape(x, [-1, -1])).toThrow('cannot reshape');
    expect(() => F.reshape(x, [0, 0, 0, 0])).toThrow('cannot reshape');
    expect(() => F.reshape(x, [6, 1, 1, 1, 1, 1, 1, 1, 1])).toThrow('a rank of at most 8');
  });

  it('unsqueeze counts from the end too', () => {
    expect(F.unsqueeze(x, 0).raw.dims).toEqual([1, 1, 2, 3]);
    expect(F.unsqueeze(x, -1).raw.dims).toEqual([1, 2, 3, 1]);
    expect(F.unsqueeze(Tensor.from(1), -1).raw.dims).toEqual([1]);
    expect(() => F.unsqueeze(x, 4)).toThrow('[aten::unsqueeze] axis 4 is outside');
  });
});

describe('permute and transpose', () => {
  it('reorder dims of any dtype', () => {
    expect(F.permute(x, [2, 0, 1]).toArray()).toEqual([[[0, 3]], [[1, 4]], [[2, 5]]]);
    expect(F.transpose(x, -1, 1).toArray()).toEqual([
      [
        [0, 3],
        [1, 4],
        [2, 5],
      ],
    ]);
    for (const dtype of Object.keys(DTYPES) as DType[]) {
      const y = F.permute(F.to(counting([2, 3]), dtype), [1, 0]);
      expect([y.type, y.raw.dims]).toEqual([dtype, [3, 2]]);
      expect([...(F.to(y, 'int32').raw.data as Int32Array)]).toEqual(
        dtype === 'bool' ? [0, 1, 1, 1, 1, 1] : [0, 3, 1, 4, 2, 5],
      );
    }
  });

  it('a permutation and its inverse give the tensor back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 }),
        fc.integer(),
        (dims, seed) => {
          const order = dims.map((_, i) => i).sort((a, b) => Math.sin(a * 7 + seed) - Math.sin(b * 7 + seed));
          const inverse = order.map((_, i) => order.indexOf(i));
          const y = F.permute(F.permute(counting(dims), order), inverse);
          return y.raw.dims.join() === dims.join() && y.raw.data.every((value, i) => value === i);
        },
      ),
    );
  });

  it('say what is no permutation', () => {
    expect(() => F.permute(x, [0, 1])).toThrow('each of the 3 axes of [1, 2, 3] once, got [0, 1]');
    expect(() => F.permute(x, [0, 1, 1])).toThrow('got [0, 1, 1]');
    expect(() => F.transpose(x, 0, 3)).toThrow('[transpose] axis 3 is outside a tensor of rank 3');
  });
});

describe('select and slice', () => {
  it('select takes one index away', () => {
    expect(F.select(x, 1, 1).toArray()).toEqual([[3, 4, 5]]);
    expect(F.select(x, -1, -1).toArray()).toEqual([[2, 5]]);
    expect(() => F.select(x, 1, 2)).toThrow(
      '[aten::select] index 2 is outside dim 1 of [1, 2, 3], which has 2 entries',
    );
    expect(() => F.select(Tensor.from(1), 0, 0)).toThrow('a dim to select from');
  });

  it('slice clamps and counts from the end as PyTorch', () => {
    const values = Tensor.from([0, 1, 2, 3, 4]);
    const sliced = (...range: [number?, number?, number?]): unknown => F.slice(values, 0, ...range).toArray();
    expect(sliced(1, 4)).toEqual([1, 2, 3]);
    expect(sliced(-2)).toEqual([3, 4]);
    expect(sliced(-100, 100, 2)).toEqual([0, 2, 4]);
    expect(sliced(3, 1)).toEqual([]);
    expect(sliced(9)).toEqual([]);
    expect(sliced(0, -1, 3)).toEqual([0, 3]);
    expect(F.slice(x, 2, 1, 3).toArray()).toEqual([
      [
        [1, 2],
        [4, 5],
      ],
    ]);
    expect(F.slice(x, 1, 1).raw.dims).toEqual([1, 1, 3]);
    expect(() => sliced(0, 5, 0)).toThrow('[aten::slice] expected integers with step >= 1, got 0:5:0');
    expect(() => sliced(0.5)).toThrow('expected integers');
  });

  it('slice agrees with Array.prototype.slice', () => {
    fc.assert(
      fc.property(
        fc.nat(6),
        fc.integer({ min: -8, max: 8 }),
        fc.integer({ min: -8, max: 8 }),
        fc.integer({ min: 1, max: 4 }),
        (size, start, end, step) => {
          const expected = Array.from({ length: size }, (_, i) => i)
            .slice(start, end)
            .filter((_, i) => i % step === 0);
          expect(F.slice(counting([size]), 0, start, end, step).toArray()).toEqual(expected);
        },
      ),
    );
  });
});

describe('cat', () => {
  it('joins along any dim and any dtype', () => {
    const a = Tensor.from([[1, 2]], { dtype: 'int64' });
    expect(F.cat([a, a], 0).toArray()).toEqual([
      [1n, 2n],
      [1n, 2n],
    ]);
    expect(F.cat([a, a, a], -1).raw.dims).toEqual([1, 6]);
    expect(F.cat([x, counting([1, 1, 3])], 1).toArray()).toEqual([
      [
        [0, 1, 2],
        [3, 4, 5],
        [0, 1, 2],
      ],
    ]);
    expect(F.cat([Tensor.zeros([0, 2]), Tensor.from([[1, 2]])]).toArray()).toEqual([[1, 2]]);
  });

  it('is undone by slice', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }), fc.nat(2), (sizes, axis) => {
        const parts = sizes.map((size) => counting([2, 2, 2].with(axis, size)));
        const whole = F.cat(parts, axis);
        let at = 0;
        return parts.every((part, i) => {
          const back = F.slice(whole, axis, at, at + (sizes[i] as number));
          at += sizes[i] as number;
          return back.raw.data.every((value, j) => value === part.raw.data[j]);
        });
      }),
    );
  });

  it('says what does not fit', () => {
    expect(() => F.cat([])).toThrow('[aten::cat] tensors[0] must be a tensor');
    expect(() => F.cat([x, Tensor.zeros([1, 2, 4])], 1)).toThrow(
      'tensors that agree in all dims but 1, got [1, 2, 3] and [1, 2, 4]',
    );
    expect(() => F.cat([x, Tensor.zeros([1, 2, 3], 'int8') as never])).toThrow('tensors[1] must be float32, got int8');
    expect(() => F.cat([Tensor.from(1)])).toThrow('a dim to join along');
  });
});

it('arange_like counts the entries of a dim', () => {
  const positions = F.arangeLike(Tensor.zeros([2, 4], 'int64'), 1);
  expect([positions.type, positions.toArray()]).toEqual(['int64', [0n, 1n, 2n, 3n]]);
  expect(F.arangeLike(x, -3).toArray()).toEqual([0n]);
  expect(() => F.arangeLike(Tensor.from(1), 0)).toThrow('a dim to count');
});
