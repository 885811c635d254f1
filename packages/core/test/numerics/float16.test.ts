import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  float16FromFloat32,
  float16ToFloat32,
  narrowToFloat16Array,
  widenFloat16Array,
} from '../../src/numerics/float16.js';
import { finiteFloat, floatOfBits } from '../floats.js';

describe('float16', () => {
  it('comes back the same from float32, all 65,536 of them', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const back = narrowToFloat16Array(widenFloat16Array(all));
    for (let i = 0; i < all.length; i++) {
      if (Number.isNaN(float16ToFloat32(i))) expect(back[i]! & 0x7fff).toBe(0x7e00);
      else if (back[i] !== i) expect.fail(`${i} came back as ${back[i]}`);
    }
  });

  it('knows its landmarks', () => {
    const values: [number, number][] = [
      [1, 0x3c00],
      [-2, 0xc000],
      [65504, 0x7bff],
      [65519.996, 0x7bff],
      [65520, 0x7c00],
      [2 ** -24, 1],
      [2 ** -25, 0],
      [3 * 2 ** -26, 1],
      [2 ** -14, 0x400],
      [-0, 0x8000],
      [Number.NEGATIVE_INFINITY, 0xfc00],
    ];
    for (const [value, bits] of values) expect(float16FromFloat32(value)).toBe(bits);
  });

  it('rounds to the nearest, ties to even', () => {
    const nearby = fc.oneof(finiteFloat, fc.integer({ min: 0x33000000, max: 0x47800000 }).map(floatOfBits));
    fc.assert(
      fc.property(nearby, (x) => {
        const bits = float16FromFloat32(x);
        const value = float16ToFloat32(bits);
        if (Math.abs(x) >= 65520) return Math.abs(value) === Number.POSITIVE_INFINITY;
        const error = Math.abs(value - x);
        const magnitude = bits & 0x7fff;
        for (const other of [magnitude - 1, magnitude + 1]) {
          if (other < 0 || other > 0x7bff) continue;
          const distance = Math.abs(float16ToFloat32(other) - Math.abs(x));
          if (distance < error || (distance === error && magnitude % 2 === 1)) return false;
        }
        return Object.is(Math.sign(value) || 0, Math.sign(x) || 0) || value === 0;
      }),
      { numRuns: 20000 },
    );
  });
});
