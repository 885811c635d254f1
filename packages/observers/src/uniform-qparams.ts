import { calculateFloatQParams, calculateQParams, type QuantizedDType } from '@octavo/core';
import { QSCHEMES, type QScheme } from './qscheme.js';
import type { ObserverDType } from './quant-range.js';

/** Ranges of values: one, or one for each channel. */
export interface Range {
  readonly min: Float32Array;
  readonly max: Float32Array;
}

/** What turns a range into a scale and a zero point: the options of a `UniformObserver`. */
export interface UniformRule {
  readonly dtype: ObserverDType;
  readonly qscheme: QScheme;
  readonly quantMin: number;
  readonly quantMax: number;
  readonly customRange: boolean;
  readonly eps: number;
}

/** core's rule knows three dtypes; of the others only the range matters, and that the two uint8 are centred on 128. */
const RULE_DTYPES: Readonly<Partial<Record<ObserverDType, QuantizedDType>>> = {
  quint8: 'quint8',
  uint8: 'quint8',
  qint8: 'qint8',
  int8: 'qint8',
};

/** core's observer rule (`numerics/observer-qparams.ts`), range by range. */
export function uniformQParams(
  { min, max }: Range,
  { dtype, qscheme, quantMin, quantMax, customRange, eps }: UniformRule,
): { scales: Float32Array; zeroPoints: Int32Array | Float32Array } {
  const { symmetric } = QSCHEMES[qscheme];
  const float = qscheme === 'per_channel_affine_float_qparams';
  const rule = { dtype: RULE_DTYPES[dtype] ?? 'qint32', qmin: quantMin, qmax: quantMax, symmetric, eps };
  const scales = new Float32Array(min.length);
  const zeroPoints = float ? new Float32Array(min.length) : new Int32Array(min.length);
  // The centre of unsigned codes is 128 only where nobody asked for a range, even for 0 to 255.
  const centre =
    symmetric && customRange && rule.dtype === 'quint8' ? Math.floor((quantMin + quantMax) / 2) : undefined;
  for (let i = 0; i < min.length; i++) {
    const qparams = (float ? calculateFloatQParams : calculateQParams)(min[i] as number, max[i] as number, rule);
    scales[i] = qparams.scale;
    zeroPoints[i] = centre ?? qparams.zeroPoint;
  }
  return { scales, zeroPoints };
}
