import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fma } from '../../src/numerics/fma.js';
import { bitsOfFloat, finiteFloat, floatOfBits } from '../floats.js';

/** A finite float32 as mantissa * 2^exponent. */
function exact(x: number): { mantissa: bigint; exponent: number } {
  const bits = bitsOfFloat(x);
  const biased = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  const mantissa = BigInt(biased === 0 ? fraction : fraction | 0x800000);
  return { mantissa: bits >>> 31 ? -mantissa : mantissa, exponent: Math.max(biased, 1) - 150 };
}

/** a * b + c in integers, rounded once to float32, ties to even. Finite arguments. */
function exactFma(a: number, b: number, c: number): number {
  const [x, y, z] = [exact(a), exact(b), exact(c)];
  const exponent = Math.min(x.exponent + y.exponent, z.exponent);
  const sum =
    ((x.mantissa * y.mantissa) << BigInt(x.exponent + y.exponent - exponent)) +
    (z.mantissa << BigInt(z.exponent - exponent));
  if (sum === 0n) return a * b + c; // Exactly zero in doubles too, with IEEE's sign.
  const magnitude = sum < 0n ? -sum : sum;
  const low = Math.max(magnitude.toString(2).length - 24 + exponent, -149);
  const shift = BigInt(low - exponent);
  let kept = shift <= 0n ? magnitude << -shift : magnitude >> shift;
  if (shift > 0n) {
    const rest = magnitude - (kept << shift);
    const half = 1n << (shift - 1n);
    if (rest > half || (rest === half && kept % 2n === 1n)) kept += 1n;
  }
  const value = Math.fround(Number(kept) * 2 ** low);
  return sum < 0n ? -value : value;
}

function expectExact(...values: [number, number, number]): void {
  const [a, b, c] = values.map(Math.fround) as [number, number, number];
  expect(`${a} * ${b} + ${c} = ${bitsOfFloat(fma(a, b, c))}`).toBe(
    `${a} * ${b} + ${c} = ${bitsOfFloat(exactFma(a, b, c))}`,
  );
}

describe('fma', () => {
  it('rounds once on any finite arguments', () => {
    fc.assert(fc.property(finiteFloat, finiteFloat, finiteFloat, expectExact), { numRuns: 4000 });
  });

  it('rounds once where product and addend have like magnitudes', () => {
    const near = fc.tuple(fc.integer({ min: 0, max: 0xffffff }), fc.integer({ min: -3, max: 3 }));
    const float = near.map(([mantissa, exponent]) => (mantissa - 0x800000) * 2 ** (exponent - 23));
    fc.assert(fc.property(float, float, float, expectExact), { numRuns: 4000 });
  });

  it('rounds once at ties that only bits beyond a double break', () => {
    // (1 + i u)(1 + j u) is near 1 with bits down to u^2 = 2^-46; as half a unit in the last place of c it makes the
    // double sum a midpoint, while the exact sum lies just beside it.
    const u = 2 ** -23;
    const small = fc.integer({ min: -6, max: 6 });
    const addend = fc.integer({ min: 0x800000, max: 0xffffff });
    const exponent = fc.integer({ min: -120, max: 120 });
    fc.assert(
      fc.property(small, small, addend, exponent, fc.boolean(), (i, j, mantissa, e, minus) => {
        const c = mantissa * 2 ** (e - 23);
        expectExact((1 + i * u) * (minus ? -1 : 1), (1 + j * u) * 2 ** (e - 24), c);
      }),
      { numRuns: 4000 },
    );
    expectExact(1 + u, 2 ** -24 * (1 - u), 1);
    expectExact(-(1 + u), 2 ** -24 * (1 - u), 1);
    expectExact(1 + u, 2 ** -24 * (1 - u), 1 + u);
  });

  it('rounds once among subnormals and at overflow', () => {
    const tiny = fc.integer({ min: 0, max: 0x0fffffff }).map(floatOfBits);
    fc.assert(fc.property(tiny, fc.integer({ min: 0x3f000000, max: 0x40000000 }).map(floatOfBits), tiny, expectExact), {
      numRuns: 2000,
    });
    fc.assert(
      fc.property(finiteFloat, finiteFloat, tiny, (a, b, c) => expectExact(a * 2 ** -60, b * 2 ** -60, -c)),
      { numRuns: 2000 },
    );
    const huge = fc.integer({ min: 0x7f000000, max: 0x7f7fffff }).map(floatOfBits);
    fc.assert(fc.property(huge, fc.constantFrom(1, -1, 0.5, 2), huge, expectExact), { numRuns: 2000 });
    const largest = floatOfBits(0x7f7fffff);
    const halfUnit = 2 ** 103;
    expect(fma(halfUnit, 1, largest)).toBe(Number.POSITIVE_INFINITY);
    expect(fma(Math.fround(halfUnit * (1 - 2 ** -24)), 1, largest)).toBe(largest);
    expect(fma(1 + 2 ** -23, halfUnit * (1 - 2 ** -23), largest)).toBe(largest);
    expect(fma(-(1 + 2 ** -23), halfUnit * (1 - 2 ** -23), -largest)).toBe(-largest);
  });

  it('keeps IEEE signs of zero, infinities and NaN', () => {
    expect(fma(-1, 0, 0)).toBe(0);
    expect(fma(-1, 0, -0)).toBe(-0);
    expect(fma(2, 3, -6)).toBe(0);
    expect(fma(Number.POSITIVE_INFINITY, 1, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(fma(3e38, 2, Number.NEGATIVE_INFINITY)).toBe(Number.NEGATIVE_INFINITY);
    expect(fma(Number.POSITIVE_INFINITY, 1, Number.NEGATIVE_INFINITY)).toBeNaN();
    expect(fma(0, Number.POSITIVE_INFINITY, 1)).toBeNaN();
  });
});
