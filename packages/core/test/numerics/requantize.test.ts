import { describe, expect, it } from 'vitest';
import { fma } from '../../src/numerics/fma.js';
import { requantization, requantize, rint32 } from '../../src/numerics/requantize.js';

const f = Math.fround;
const codes = { zeroPoint: 3, low: 0, high: 255 };
const scales = (weight: number[], y = 1) => ({
  x: 0.5,
  weight: Float32Array.from(weight),
  perChannel: weight.length > 1,
  y,
});

describe('requantize', () => {
  it('rounds the scaled sum half to even, then adds the zero point and clamps', () => {
    const r = requantization(1, scales([0.5]), null, codes);
    expect([r.multipliers[0], r.biases]).toEqual([0.25, null]);
    expect([0, 2, 6, 10, -10, -12, 1004, 1008, 1012].map((acc) => requantize(acc, 0, r))).toEqual([
      3, 3, 5, 5, 1, 0, 254, 255, 255,
    ]);
  });

  it('divides the bias for a weight per channel, and takes its reciprocal into an fma for one per tensor', () => {
    const bias = Float32Array.of(0.3, -0.7);
    const weight = [0.013, 0.017];
    const perChannel = requantization(2, scales(weight, 0.01), bias, codes);
    const aw = weight.map((w) => f(0.5 * f(w)));
    expect(perChannel.reciprocal).toBeNull();
    expect(Array.from(perChannel.biases as Float32Array)).toEqual([0, 1].map((i) => f(bias[i]! / aw[i]!)));
    const t = f(f(41) + f(bias[1]! / aw[1]!));
    const multiplier = f(aw[1]! / f(0.01));
    expect(requantize(41, 1, perChannel)).toBe(Math.max(0, Math.round(f(t * multiplier)) + 3));

    const perTensor = requantization(2, scales([0.013], 0.01), bias, codes);
    expect(perTensor.reciprocal).toBe(f(1 / aw[0]!));
    expect(Array.from(perTensor.multipliers)).toEqual([0, 1].map(() => f(aw[0]! / f(0.01))));
    const u = fma(bias[0]!, f(1 / aw[0]!), 41);
    expect(requantize(41, 0, perTensor)).toBe(Math.round(f(u * perTensor.multipliers[0]!)) + 3);
  });

  it('gives the lowest code where the product leaves int32, as the conversion instruction does', () => {
    expect([2147483520, 2147483648, -2147483648, -3e9, Number.NaN, Infinity].map(rint32)).toEqual([
      2147483520, -2147483648, -2147483648, -2147483648, -2147483648, -2147483648,
    ]);
    const r = requantization(1, scales([1], 1e-30), null, codes);
    expect([1000, -1000].map((acc) => requantize(acc, 0, r))).toEqual([0, 0]);
  });
});
