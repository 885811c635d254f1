import '../reference-only.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import { Tensor } from '../../src/tensor/tensor.js';

const f = Math.fround;

describe('add, sub, mul, div', () => {
  it('round once to float32', () => {
    const [a, b] = [Tensor.from([0.1, 3]), Tensor.from([0.2, 7])];
    const [x, y] = [f(0.1), f(0.2)];
    expect(F.add(a, b).toArray()).toEqual([f(x + y), 10]);
    expect(F.sub(a, b).toArray()).toEqual([f(x - y), -4]);
    expect(F.mul(a, b).toArray()).toEqual([f(x * y), 21]);
    expect(F.div(a, b).toArray()).toEqual([f(x / y), f(3 / 7)]);
  });

  it('broadcast as NumPy, numbers as tensors without dims', () => {
    const rows = Tensor.from([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(F.add(rows, Tensor.from([10, 20, 30])).toArray()).toEqual([
      [11, 22, 33],
      [14, 25, 36],
    ]);
    expect(F.add(Tensor.from([[10], [20]]), rows).toArray()).toEqual([
      [11, 12, 13],
      [24, 25, 26],
    ]);
    expect(F.sub(1, rows).toArray()).toEqual([
      [0, -1, -2],
      [-3, -4, -5],
    ]);
    expect(F.mul(2, 3).raw.dims).toEqual([]);
    expect(F.add(Tensor.zeros([0, 3]), Tensor.zeros([1])).raw.dims).toEqual([0, 3]);
  });

  it('agree with a plain loop at any broadcast of two shapes', () => {
    const dims = fc.array(fc.constantFrom(1, 2, 3), { maxLength: 4 });
    fc.assert(
      fc.property(dims, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), fc.nat(4), (target, ones, drop) => {
        const shape = target.map((d, i) => (ones[i] ? 1 : d)).slice(Math.min(drop, target.length));
        const make = (of: number[]): Tensor<'float32'> => {
          const size = of.reduce((n, d) => n * d, 1);
          return new Tensor(
            'float32',
            Float32Array.from({ length: size }, (_, i) => i + 1),
            of,
          );
        };
        const [a, b] = [make(target), make(shape)];
        const y = F.sub(a, b);
        const size = y.raw.data.length;
        for (let at = 0; at < size; at++) {
          let rest = at;
          let [ai, bi, astep, bstep] = [0, 0, 1, 1];
          for (let axis = target.length - 1; axis >= 0; axis--) {
            const index = rest % (target[axis] as number);
            rest = Math.floor(rest / (target[axis] as number));
            ai += index * astep;
            astep *= target[axis] as number;
            const d = shape[axis - (target.length - shape.length)];
            if (d !== undefined) {
              bi += (d === 1 ? 0 : index) * bstep;
              bstep *= d;
            }
          }
          if (y.raw.data[at] !== (a.raw.data[ai] as number) - (b.raw.data[bi] as number)) return false;
        }
        return true;
      }),
    );
  });

  it('say what does not fit', () => {
    expect(() => F.add(Tensor.zeros([2, 3]), Tensor.zeros([2]))).toThrow(
      '[aten::add] shapes [2, 3] and [2] cannot be broadcast together',
    );
    expect(() => F.mul(Tensor.zeros([2], 'int32'), 1)).toThrow('[aten::mul] a must be float32, got int32 [2]');
    expect(() => F.div(Tensor.zeros([1, 1, 1, 1, 1, 1, 1, 1, 1]), 1)).toThrow('a rank of at most 8');
  });
});
