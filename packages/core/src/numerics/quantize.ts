import { fma } from './fma.js';
import { clamp, rint } from './round.js';

const f = Math.fround;

// The arithmetic of codes, one value at a time. inverse = f(1 / scale) is taken once per scale, in float32: PyTorch
// multiplies by the reciprocal, and dividing gives other codes at ties.

/** The float32 reciprocal of a scale. */
export function inverseScale(scale: number): number {
  return f(1 / f(scale));
}

/**
 * PyTorch's quantize_per_tensor and quantize_per_channel (`AffineQuantizerBase.cpp`): rint first, then the zero point.
 * Saturates for infinities and for products beyond int32 (PyTorch wraps there); NaN becomes the zero point.
 */
export function quantizeValue(x: number, inverse: number, zeroPoint: number, qmin: number, qmax: number): number {
  const t = rint(f(x * inverse));
  return clamp(Number.isNaN(t) ? zeroPoint : t + zeroPoint, qmin, qmax);
}

/**
 * The uint8 code of a dynamic op's input: FBGEMM's fused form, with the zero point inside the rounding
 * (`QuantizeAvx2<uint8_t, LEGACY>`). NaN becomes the zero point, infinities saturate.
 */
export function quantizeFused(x: number, inverse: number, zeroPoint: number): number {
  const t = fma(x, inverse, zeroPoint);
  return rint(clamp(Number.isNaN(t) ? zeroPoint : t, 0, 255));
}

/** Codes with a float zero point (embedding rows): it is added before the rounding. */
export function quantizeWithFloatZeroPoint(
  x: number,
  inverse: number,
  zeroPoint: number,
  qmin: number,
  qmax: number,
): number {
  const t = rint(f(f(x * inverse) + f(zeroPoint)));
  return clamp(Number.isNaN(t) ? rint(zeroPoint) : t, qmin, qmax);
}

/** (code - zeroPoint) * scale: the difference exact in integers, one rounding to float32 each for it and the product. */
export function dequantizeValue(code: number, scale: number, zeroPoint: number): number {
  return f(f(code - zeroPoint) * f(scale));
}
