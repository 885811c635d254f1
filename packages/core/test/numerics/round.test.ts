import fc from 'fast-check';
import { expect, it } from 'vitest';
import { clamp, rint } from '../../src/numerics/round.js';

it('rint sends ties to even and keeps the sign of zero', () => {
  const cases: [number, number][] = [
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, -0],
    [-1.5, -2],
    [-2.5, -2],
    [0.49999999999999994, 0],
    [-0.2, -0],
    [-0, -0],
    [0, 0],
  ];
  for (const [x, expected] of cases) expect(rint(x)).toBe(expected);
  expect(rint(Number.NaN)).toBeNaN();
  expect(rint(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
  expect(rint(2 ** 51 + 0.5)).toBe(2 ** 51);
  expect(rint(2 ** 51 + 1.5)).toBe(2 ** 51 + 2);
});

it('rint gives the nearest integer of any double', () => {
  const anyDouble = fc.oneof(fc.double({ noNaN: true }), fc.double({ noNaN: true, min: -1e6, max: 1e6 }));
  fc.assert(
    fc.property(anyDouble, (x) => {
      const r = rint(x);
      if (!Number.isFinite(x)) return r === x;
      const distance = Math.abs(r - x);
      return Number.isInteger(r) && (distance < 0.5 || (distance === 0.5 && r % 2 === 0));
    }),
  );
});

it('clamp limits numbers and keeps NaN', () => {
  expect([clamp(-3, 0, 255), clamp(300, 0, 255), clamp(7, 0, 255)]).toEqual([0, 255, 7]);
  expect(clamp(Number.NaN, 0, 255)).toBeNaN();
});
