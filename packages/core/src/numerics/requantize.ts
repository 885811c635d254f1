import { fma } from './fma.js';
import { clamp, rint } from './round.js';

const f = Math.fround;

/**
 * How an exact int32 sum becomes a code of the output: FBGEMM's static requantization (`OutputProcessing-inl.h`), in
 * float32 with a float multiplier. With aw = f(f(scale of x) * f(scale of the weight)), one for each output channel:
 *
 * t = f(acc), without a bias;
 * t = f(f(acc) + f(bias / aw)), with a weight per channel;
 * t = fma(bias, f(1 / aw), f(acc)), with a weight per tensor: compilers contract FBGEMM's multiply and add there;
 * code = clamp(rint32(f(t * f(aw / f(scale)))) + zeroPoint, low, high).
 */
export interface Requantization {
  /** f(aw / f(scale)) of each output channel. */
  readonly multipliers: Float32Array;
  /** f(bias / aw) of each output channel, or the bias itself where `reciprocal` is a number; null without a bias. */
  readonly biases: Float32Array | null;
  /** f(1 / aw) where the weight has one scale, null where it has one a channel. */
  readonly reciprocal: number | null;
  readonly zeroPoint: number;
  /** Codes allowed: an activation moves the ends inwards. */
  readonly low: number;
  readonly high: number;
}

/** Scales of an operation's two operands and its result. */
export interface RequantizationScales {
  readonly x: number;
  /** One, or one for each output channel. */
  readonly weight: Float32Array;
  readonly perChannel: boolean;
  readonly y: number;
}

/** The requantization of `channels` outputs that start at weight scale 0. */
export function requantization(
  channels: number,
  { x, weight, perChannel, y }: RequantizationScales,
  bias: Float32Array | null,
  codes: { zeroPoint: number; low: number; high: number },
): Requantization {
  const multipliers = new Float32Array(channels);
  const biases = bias === null ? null : new Float32Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    const aw = f(f(x) * (weight[perChannel ? channel : 0] as number));
    multipliers[channel] = aw / f(y);
    if (biases !== null && bias !== null) {
      biases[channel] = perChannel ? (bias[channel] as number) / aw : (bias[channel] as number);
    }
  }
  const reciprocal = perChannel ? null : f(1 / f(f(x) * (weight[0] as number)));
  return { multipliers, biases, reciprocal, ...codes };
}

/** The code of the exact sum `acc` in output channel `channel`. */
export function requantize(acc: number, channel: number, r: Requantization): number {
  let t = f(acc);
  if (r.biases !== null) {
    const bias = r.biases[channel] as number;
    t = r.reciprocal === null ? f(t + bias) : fma(bias, r.reciprocal, t);
  }
  // FBGEMM also saturates to int16 before and after the zero point, which cannot change a code of 8 bits.
  return clamp(rint32(f(t * (r.multipliers[channel] as number))) + r.zeroPoint, r.low, r.high);
}

/** Round half to even to int32 as `cvtps2dq` does: what does not fit, at either end, and NaN become -2^31. */
export function rint32(x: number): number {
  const rounded = rint(x);
  return rounded >= -2147483648 && rounded < 2147483648 ? rounded : -2147483648;
}
