const f = Math.fround;

// pow of float32 by way of double arithmetic, whose +, -, * and / are IEEE's everywhere; no libm. `native/ops/power.h` is the same text. The double
// result is good to about 2^-50, so that its one rounding to float32 is the correct one but for about 1 in 2^20 cases.

const LN2 = 0.6931471805599453;
const SQRT_HALF = 0.7071067811865476;
const LOG_TERMS = 14;
const EXP_TERMS = 15;
const bits = new DataView(new ArrayBuffer(8));

/** ln x of a positive finite double: x = m 2^e, then 2 artanh((m - 1) / (m + 1)) as a series in s^2 <= 0.0295. */
function lnDouble(x: number): number {
  bits.setFloat64(0, x);
  const e = ((bits.getUint16(0) >> 4) & 0x7ff) - 1022;
  bits.setUint16(0, (bits.getUint16(0) & 0x800f) | (1022 << 4));
  let m = bits.getFloat64(0);
  let exponent = e;
  if (m < SQRT_HALF) {
    m *= 2;
    exponent--;
  }
  const s = (m - 1) / (m + 1);
  const square = s * s;
  let sum = 0;
  for (let k = LOG_TERMS; k >= 0; k--) sum = sum * square + 1 / (2 * k + 1);
  return exponent * LN2 + 2 * s * sum;
}

/** e^x in double: x = n ln2 + r, Taylor's series in r, then a power of two. */
function expDouble(x: number): number {
  if (x > 710) return Number.POSITIVE_INFINITY;
  if (x < -745) return 0;
  const n = Math.round(x / LN2);
  const r = x - n * LN2;
  let sum = 1;
  for (let k = EXP_TERMS; k >= 1; k--) sum = 1 + (sum * r) / k;
  const half = Math.floor(n / 2);
  return sum * 2 ** half * 2 ** (n - half);
}

/**
 * base^exponent of float32 values, as C's powf: 2 is a product, 0.5 a square root, whole exponents up to 64 repeated
 * products in double; anything else e^(exponent ln |base|).
 */
export function power(base: number, exponent: number): number {
  if (exponent === 2) return f(base * base);
  if (exponent === 0.5 && base >= 0) return f(Math.sqrt(base));
  if (exponent === 0 || base === 1) return 1;
  if (Number.isNaN(base) || Number.isNaN(exponent)) return Number.NaN;
  const whole = Number.isInteger(exponent);
  if (whole && Math.abs(exponent) <= 64) return f(wholePower(base, exponent));
  const magnitude = Math.abs(base);
  if (!Number.isFinite(exponent)) {
    if (magnitude === 1) return 1;
    return magnitude > 1 === exponent > 0 ? Number.POSITIVE_INFINITY : 0;
  }
  const negative = base < 0 && whole && exponent % 2 !== 0;
  if (magnitude === 0 || magnitude === Number.POSITIVE_INFINITY) {
    const large = (magnitude === 0) !== exponent > 0;
    const y = large ? Number.POSITIVE_INFINITY : 0;
    return negative ? -y : y;
  }
  if (base < 0 && !whole) return Number.NaN;
  const y = f(expDouble(exponent * lnDouble(magnitude)));
  return negative ? -y : y;
}

function wholePower(base: number, exponent: number): number {
  let y = 1;
  for (let i = Math.abs(exponent), square = base; i > 0; i = Math.floor(i / 2), square *= square) {
    if (i % 2 === 1) y *= square;
  }
  return exponent < 0 ? 1 / y : y;
}

/** base^exponent of int32 values, which wraps; below an exponent of 0 the whole part of 1 / base^-exponent, or 0. */
export function integerPower(base: number, exponent: number): number {
  if (exponent < 0) return base === 1 ? 1 : base === -1 ? (exponent % 2 === 0 ? 1 : -1) : 0;
  let y = 1;
  for (let i = exponent, square = base; i > 0; i = Math.floor(i / 2), square = Math.imul(square, square)) {
    if (i % 2 === 1) y = Math.imul(y, square);
  }
  return y;
}

/** `integerPower` of int64 values. */
export function bigintPower(base: bigint, exponent: bigint): bigint {
  if (exponent < 0n) return base === 1n ? 1n : base === -1n ? (exponent % 2n === 0n ? 1n : -1n) : 0n;
  let y = 1n;
  for (let i = exponent, square = base; i > 0n; i /= 2n, square = BigInt.asIntN(64, square * square)) {
    if (i % 2n === 1n) y = BigInt.asIntN(64, y * square);
  }
  return y;
}
