import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fma } from '../../src/numerics/fma.js';
import { gemm } from '../../src/numerics/gemm.js';
import { foldLanes, laneSum } from '../../src/numerics/lane-sum.js';
import { anyFloat, sameFloats } from '../floats.js';

const f = Math.fround;

it('lanes are folded 8, 4, 2, 1', () => {
  const lanes = Float32Array.from({ length: 16 }, (_, i) => 2 ** i);
  expect(foldLanes(lanes)).toBe(65535);
  // (a + i) + (e + m) + ... is visible where rounding depends on it.
  const big = new Float32Array(16);
  big[0] = 2 ** 24;
  big[8] = 1; // added first: lost
  big[4] = 2;
  expect(foldLanes(big)).toBe(2 ** 24 + 2);
});

it('a lane sum is not moved by zeros behind it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: 50 }),
      fc.nat(40),
      (values, zeros) => {
        const padded = [...values, ...new Array<number>(zeros).fill(0)];
        const sum = (all: number[]): number => laneSum(all.length, (i) => all[i] as number);
        return Object.is(sum(values) + 0, sum(padded) + 0);
      },
    ),
  );
});

it('gemm is one ascending chain of fused multiply-adds, at any strides', () => {
  const a = Float32Array.from([1, 2, 3, 4, 5, 6].map((x) => f(x * 0.1)));
  const b = Float32Array.from([7, 8, 9, 10, 11, 12].map((x) => f(x * 0.3)));
  const c = new Float32Array(4);
  gemm(
    { m: 2, n: 2, k: 3 },
    { data: a, offset: 0, row: 3, column: 1 },
    { data: b, offset: 0, row: 2, column: 1 },
    { data: c, offset: 0, row: 2 },
  );
  const chain = (i: number, j: number): number =>
    [0, 1, 2].reduce((sum, p) => fma(a[i * 3 + p] as number, b[p * 2 + j] as number, sum), 0);
  expect([...c]).toEqual([chain(0, 0), chain(0, 1), chain(1, 0), chain(1, 1)]);
  const transposed = new Float32Array(9);
  gemm(
    { m: 3, n: 3, k: 2 },
    { data: a, offset: 0, row: 1, column: 3 },
    { data: b, offset: 0, row: 1, column: 2 },
    { data: transposed, offset: 0, row: 3 },
  );
  expect(transposed[5]).toBe(fma(a[4]!, b[5]!, fma(a[1]!, b[4]!, 0)));
});

it('gemm is that chain for any values and any number of columns', () => {
  const sizes = fc.record({ m: fc.integer({ min: 1, max: 2 }), n: fc.integer({ min: 1, max: 9 }), k: fc.nat(6) });
  const spread = fc.tuple(fc.integer({ min: -0xffffff, max: 0xffffff }), fc.integer({ min: -26, max: 2 }));
  const value = fc.oneof(
    { weight: 4, arbitrary: spread.map(([x, e]) => f(x * 2 ** e)) },
    { weight: 1, arbitrary: anyFloat },
  );
  const matrices = sizes.chain(({ m, n, k }) =>
    fc.tuple(
      fc.constant({ m, n, k }),
      fc.array(value, { minLength: m * k, maxLength: m * k }).map((values) => Float32Array.from(values)),
      fc.array(value, { minLength: n * k, maxLength: n * k }).map((values) => Float32Array.from(values)),
    ),
  );
  fc.assert(
    fc.property(matrices, ([{ m, n, k }, a, b]) => {
      const c = new Float32Array(m * n);
      gemm(
        { m, n, k },
        { data: a, offset: 0, row: k, column: 1 },
        { data: b, offset: 0, row: 1, column: k },
        { data: c, offset: 0, row: n },
      );
      const expected = c.map((_, at) => {
        let sum = 0;
        for (let p = 0; p < k; p++) sum = fma(a[Math.floor(at / n) * k + p]!, b[(at % n) * k + p]!, sum);
        return sum;
      });
      return sameFloats(c, expected);
    }),
    { numRuns: 2000 },
  );
});

it('gemm of no columns of a gives zeros', () => {
  const c = new Float32Array(2).fill(9);
  const empty = new Float32Array(0);
  gemm(
    { m: 1, n: 2, k: 0 },
    { data: empty, offset: 0, row: 0, column: 1 },
    { data: empty, offset: 0, row: 2, column: 1 },
    { data: c, offset: 0, row: 2 },
  );
  expect([...c]).toEqual([0, 0]);
});
