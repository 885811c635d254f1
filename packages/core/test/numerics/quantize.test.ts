import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dequantizeValue, inverseScale, quantizeFused, quantizeValue } from '../../src/numerics/quantize.js';
import { anyFloat } from '../floats.js';

describe('codes of one value', () => {
  it('multiplies by the reciprocal: dividing gives another code at ties', () => {
    const scale = Math.fround(0.00214854861);
    const x = Math.fround(0.273939937);
    expect(quantizeValue(x, inverseScale(scale), 0, 0, 255)).toBe(128);
    expect(Math.round(Math.fround(x / scale))).toBe(127);
  });

  it('the plain form rounds before the zero point, the fused one after', () => {
    expect(quantizeValue(0.5, 1, 1, 0, 255)).toBe(1);
    expect(quantizeFused(0.5, 1, 1)).toBe(2);
  });

  it('NaN becomes the zero point, infinities saturate, 0 * infinity counts as NaN', () => {
    for (const quantize of [
      (x: number, inverse = 1) => quantizeValue(x, inverse, 9, 0, 255),
      (x: number, inverse = 1) => quantizeFused(x, inverse, 9),
    ]) {
      expect(quantize(Number.NaN)).toBe(9);
      expect(quantize(Number.POSITIVE_INFINITY)).toBe(255);
      expect(quantize(Number.NEGATIVE_INFINITY)).toBe(0);
      expect(quantize(0, Number.POSITIVE_INFINITY)).toBe(9);
    }
  });

  it('always gives a code of the range, for any value, scale and zero point', () => {
    fc.assert(
      fc.property(anyFloat, anyFloat, fc.integer({ min: -128, max: 127 }), (x, scale, zeroPoint) => {
        const code = quantizeValue(x, inverseScale(scale), zeroPoint, -128, 127);
        const fused = quantizeFused(x, inverseScale(scale), zeroPoint + 128);
        return (
          Number.isInteger(code) && code >= -128 && code <= 127 && Number.isInteger(fused) && fused >= 0 && fused <= 255
        );
      }),
    );
  });

  it('a code comes back to itself', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 255 }),
        fc.double({ min: 1e-6, max: 1e3, noNaN: true }),
        (code, zeroPoint, scale) => {
          const x = dequantizeValue(code, scale, zeroPoint);
          return quantizeValue(x, inverseScale(scale), zeroPoint, 0, 255) === code;
        },
      ),
    );
  });
});
