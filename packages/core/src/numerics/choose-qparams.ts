import { clamp, rint } from './round.js';

const f = Math.fround;

/** Scale (float32) and zero point of one range. */
export interface QParams {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Below this a scale counts as too small: FBGEMM's and ATen's SMALL_SCALE_THRESHOLD, a float32 constant. */
const SMALL_SCALE = f(6.1e-5);

/**
 * The rule of dynamic ops (ATen `ChooseQuantizationParams`, QuantUtils.h), in double precision. The stretched range
 * and the amplifier are float32 there, so here too. `reduceRange` halves the range to 7 bits, as PyTorch's eager
 * modules do to keep FBGEMM's 16-bit sums from saturating; our kernels never need it.
 */
export function chooseQParams(
  min: number,
  max: number,
  { qmin = 0, qmax = 255, reduceRange = false }: { qmin?: number; qmax?: number; reduceRange?: boolean } = {},
): QParams {
  const low = reduceRange ? Math.trunc(qmin / 2) : qmin;
  const high = reduceRange ? Math.trunc(qmax / 2) : qmax;
  let lo = Math.min(f(min), 0);
  let hi = Math.max(f(max), 0);
  let scale = (hi - lo) / (high - low);
  if (f(scale) === 0 || !Number.isFinite(f(1 / f(scale)))) scale = 0.1;
  if (scale < SMALL_SCALE) {
    const original = scale;
    scale = SMALL_SCALE;
    if (lo === 0) hi = f(SMALL_SCALE * (high - low));
    else if (hi === 0) lo = f(-SMALL_SCALE * (high - low));
    else {
      const amplifier = f(SMALL_SCALE / original);
      lo = f(lo * amplifier);
      hi = f(hi * amplifier);
    }
  }
  const fromMin = low - lo / scale;
  const fromMax = high - hi / scale;
  const errorMin = Math.abs(low) - Math.abs(lo / scale);
  const errorMax = Math.abs(high) - Math.abs(hi / scale);
  const initial = errorMin < errorMax ? fromMin : fromMax;
  const zeroPoint = initial < low ? low : initial > high ? high : rint(initial);
  return { scale: f(scale), zeroPoint: zeroPoint + 0 }; // + 0: a zero point is an integer and has no -0.
}

/**
 * The rule of ONNX's DynamicQuantizeLinear: a range that holds 0 in 255 steps, scale = (max - min) / 255 in float32, 1
 * where that is 0; zeroPoint = clamp(rint(-min / scale)).
 */
export function onnxQParams(min: number, max: number): QParams {
  const scale = f(f(max - min) / 255) || 1;
  return { scale, zeroPoint: clamp(rint(f(-min / scale)), 0, 255) + 0 };
}

/** The finite range of `count` values from `offset`; NaN and infinities do not count, an empty range is [0, 0]. */
export function finiteRange(data: ArrayLike<number>, offset: number, count: number): { min: number; max: number } {
  let min = 0;
  let max = 0;
  for (let i = offset; i < offset + count; i++) {
    const x = data[i] as number;
    if (x - x !== 0) continue;
    if (x < min) min = x;
    if (x > max) max = x;
  }
  return { min, max };
}
