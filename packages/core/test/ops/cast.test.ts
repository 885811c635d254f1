import '../reference-only.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import type { DType } from '../../src/tensor/dtype.js';
import { Tensor } from '../../src/tensor/tensor.js';

const cast = (values: number[], dtype: DType): unknown[] =>
  Array.from(F.to(Tensor.from(values), dtype).raw.data as Int32Array);

describe('to', () => {
  it('float to integer truncates, saturates, and makes NaN 0', () => {
    const values = [1.9, -1.9, 300, -300, Number.NaN, Number.POSITIVE_INFINITY];
    expect(cast(values, 'int8').map((x) => Number(x) + 0)).toEqual([1, -1, 127, -128, 0, 127]);
    expect(cast(values, 'uint8').map((x) => Number(x) + 0)).toEqual([1, 0, 255, 0, 0, 255]);
    expect(cast([3e9, -3e9, -0.5], 'int32').map((x) => Number(x) + 0)).toEqual([2147483647, -2147483648, 0]);
    expect(cast([1e30, -1e30, Number.NaN, 2 ** 53], 'int64')).toEqual([2n ** 63n - 1n, -(2n ** 63n), 0n, 2n ** 53n]);
  });

  it('to bool is != 0', () => {
    expect(cast([0, -0, 0.1, Number.NaN], 'bool')).toEqual([0, 0, 1, 1]);
    expect(F.to(Tensor.from([0, -5], { dtype: 'int64' }), 'bool').toArray()).toEqual([0, 1]);
    expect(F.toFloat(Tensor.from([true, false], { dtype: 'bool' })).toArray()).toEqual([1, 0]);
  });

  it('integer to integer keeps the low bits', () => {
    const wide = Tensor.from([300, -1, 2 ** 40 + 5], { dtype: 'int64' });
    expect(F.to(wide, 'uint8').toArray()).toEqual([44, 255, 5]);
    expect(F.to(wide, 'int32').toArray()).toEqual([300, -1, 5]);
    expect(F.to(Tensor.from([200], { dtype: 'uint8' }), 'int8').toArray()).toEqual([-56]);
    expect(F.to(Tensor.from([-7], { dtype: 'int8' }), 'int64').toArray()).toEqual([-7n]);
  });

  it('float16 rounds to nearest even and comes back exactly', () => {
    const half = F.to(Tensor.from([1, 0.1, 65519, 65520, -2]), 'float16');
    expect(half.raw.data).toBeInstanceOf(Uint16Array);
    expect(F.toFloat(half).toArray()).toEqual([1, 0.0999755859375, 65504, Number.POSITIVE_INFINITY, -2]);
    expect(F.to(half, 'int32').toArray()).toEqual([1, 0, 65504, 2147483647, -2]);
  });

  it('int64 to float32 rounds once', () => {
    // Half a unit and a little more: a double in between would round to a tie, and the tie down.
    const value = (1n << 60n) + (1n << 36n) + 1n;
    const x = new Tensor('int64', BigInt64Array.of(value, -value, 2n ** 63n - 1n, -(2n ** 63n)), [4]);
    const unit = 2 ** 37;
    expect(F.toFloat(x).toArray()).toEqual([2 ** 60 + unit, -(2 ** 60 + unit), 2 ** 63, -(2 ** 63)]);
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n }), (n) => {
        return F.toFloat(new Tensor('int64', BigInt64Array.of(n), [1])).raw.data[0] === Math.fround(Number(n));
      }),
    );
  });

  it('the same dtype is a copy', () => {
    const x = Tensor.from([1, 2]);
    expect(F.to(x, 'float32').raw.data).not.toBe(x.raw.data);
    expect(() => F.to(x, 'float64' as DType)).toThrow("unknown dtype 'float64'; did you mean 'float32'?");
  });
});
