import { rint } from '@octavo/core';

/** Codes as they are laid over a histogram: real = (code - zeroPoint) * scale. */
export interface Codes {
  readonly scale: number;
  readonly zeroPoint: number;
  readonly quantMin: number;
  readonly quantMax: number;
}

/**
 * The sum of squared errors that codes make on a histogram over [min, max], the values of a bin spread evenly over it.
 * Exact for that density, in double precision: with k the nearest code to x, clamped, the error's integral is
 * G(x) = k s^3 / 12 + (x - k s)^3 / 3, and a bin costs its density times the difference of G at its edges.
 */
export function squaredError(histogram: Float32Array, min: number, max: number, codes: Codes): number {
  const { scale, zeroPoint } = codes;
  const [low, high] = [codes.quantMin - zeroPoint, codes.quantMax - zeroPoint];
  const width = (max - min) / histogram.length;
  const whole = scale ** 3 / 12;
  let sum = 0;
  let before = 0;
  for (let edge = 0; edge <= histogram.length; edge++) {
    const x = min + edge * width;
    const code = Math.min(Math.max(rint(x / scale), low), high);
    const rest = x - code * scale;
    const integral = code * whole + (rest * rest * rest) / 3;
    if (edge > 0) sum += (histogram[edge - 1] as number) * (integral - before);
    before = integral;
  }
  return sum / width;
}
