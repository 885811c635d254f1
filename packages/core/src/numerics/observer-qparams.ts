import { OctavoError } from '../errors.js';
import type { QuantizedDType } from '../tensor/dtype.js';
import { QUANTIZED_DTYPES } from '../tensor/dtype.js';
import type { QParams } from './choose-qparams.js';
import { clamp, rint } from './round.js';

const f = Math.fround;

/** The smallest scale an observer gives: float32's epsilon, 2^-23. */
export const OBSERVER_EPS = 2 ** -23;

export interface ObserverRule {
  readonly dtype: QuantizedDType;
  /** Range of codes; the dtype's when left out. A narrower one is `reduceRange` or a customised range. */
  readonly qmin?: number;
  readonly qmax?: number;
  readonly symmetric?: boolean;
  /** Floor of the scale, `OBSERVER_EPS` when left out; PyTorch's symmetric qnnpack qconfigs use 2^-12. */
  readonly eps?: number;
}

/**
 * The rule of observers (torch/ao/quantization/observer.py, `_calculate_qparams`), float32 after every operation.
 * It is not the rule of dynamic ops (`choose-qparams.ts`).
 *
 * With lo = min(min, 0) and hi = max(max, 0):
 * affine: scale = max((hi - lo) / (qmax - qmin), eps), zeroPoint = clamp(qmin - rint(lo / scale), qmin, qmax);
 * symmetric: scale = max(max(-lo, hi) / ((qmax - qmin) / 2), eps), zeroPoint 0, or for quint8 128
 * (floor((qmin + qmax) / 2) under a narrower range).
 * Nothing observed (min +infinity, max -infinity) gives scale 1 and zeroPoint 0. min > max and NaN are errors.
 */
export function calculateQParams(min: number, max: number, rule: ObserverRule): QParams {
  const { full, qmin, qmax } = rangeOf(rule);
  if (min === Number.POSITIVE_INFINITY && max === Number.NEGATIVE_INFINITY) return { scale: 1, zeroPoint: 0 };
  if (!(min <= max)) {
    throw new OctavoError('INVALID_ARGUMENT', `[calculateQParams] expected min <= max, got ${min} and ${max}`);
  }
  const eps = f(rule.eps ?? OBSERVER_EPS);
  const lo = Math.min(f(min), 0);
  const hi = Math.max(f(max), 0);
  if (rule.symmetric === true) {
    const scale = Math.max(f(Math.max(-lo, hi) / ((qmax - qmin) / 2)), eps);
    if (rule.dtype !== 'quint8') return { scale, zeroPoint: 0 };
    return { scale, zeroPoint: full ? 128 : Math.floor((qmin + qmax) / 2) };
  }
  const scale = Math.max(f(f(hi - lo) / f(qmax - qmin)), eps);
  return { scale, zeroPoint: clamp(qmin - rint(f(lo / scale)), qmin, qmax) + 0 };
}

/**
 * `per_channel_affine_float_qparams`, for embedding tables: the range as it is, not widened to hold 0;
 * scale = (max - min) / (qmax - qmin), or 1 where that is not above eps; zeroPoint = -min / scale, a float.
 */
export function calculateFloatQParams(min: number, max: number, rule: ObserverRule): QParams {
  const { qmin, qmax } = rangeOf(rule);
  const range = f(f(f(max) - f(min)) / f(qmax - qmin));
  const scale = range > f(rule.eps ?? OBSERVER_EPS) ? range : 1;
  return { scale, zeroPoint: f(-f(min) / scale) };
}

function rangeOf({ dtype, qmin, qmax }: ObserverRule): { full: boolean; qmin: number; qmax: number } {
  const limits = QUANTIZED_DTYPES[dtype];
  const low = qmin ?? limits.qmin;
  const high = qmax ?? limits.qmax;
  if (!Number.isInteger(low) || !Number.isInteger(high) || low > 0 || high < 0 || low >= high) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[calculateQParams] the codes ${low} to ${high} must be integers around 0`,
    );
  }
  return { full: low === limits.qmin && high === limits.qmax, qmin: low, qmax: high };
}
