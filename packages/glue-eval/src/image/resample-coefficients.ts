import type { ResampleFilter } from './resample-filter.js';

/** Bits after the binary point of a coefficient: 32 less 8 of a pixel and 2 of headroom, as in Pillow. */
export const PRECISION_BITS = 22;

/** Which input samples make each output sample of one axis, and with which weights. */
export interface ResampleCoefficients {
  /** The first input sample of each output sample. */
  readonly first: Int32Array;
  /** How many there are. */
  readonly count: Int32Array;
  /** Coefficients a row; output sample `i` has its own from `i * stride` on. */
  readonly stride: number;
  /** In fixed point with PRECISION_BITS, summing to about one a row. */
  readonly weights: Int32Array;
}

/**
 * The coefficients that make `to` samples of `from`, as `precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow's
 * `Resample.c`: the filter widens with the scale (so shrinking averages: antialiasing), each row is normalised in
 * double, then rounded to fixed point, half away from zero.
 */
export function resampleCoefficients(filter: ResampleFilter, from: number, to: number): ResampleCoefficients {
  const scale = from / to;
  const widening = Math.max(scale, 1);
  const support = filter.support * widening;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * stride);
  const row = new Float64Array(stride);
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const length = Math.min(from, Math.trunc(center + support + 0.5)) - start;
    let sum = 0;
    for (let k = 0; k < length; k++) {
      const weight = filter.weight((k + start - center + 0.5) * (1 / widening));
      row[k] = weight;
      sum += weight;
    }
    for (let k = 0; k < length; k++) {
      const weight = sum === 0 ? (row[k] as number) : (row[k] as number) / sum;
      weights[i * stride + k] = Math.trunc((weight < 0 ? -0.5 : 0.5) + weight * 2 ** PRECISION_BITS);
    }
    first[i] = start;
    count[i] = length;
  }
  return { first, count, stride, weights };
}
