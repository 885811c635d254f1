import { fma } from './fma.js';
import { rint } from './round.js';

// One definition of exp, erf, tanh, sin, cos and what is made of them, in float32 with explicit FMAs and no libm, so that
// every backend gives the same bits. `native/simd/elementary.h` is the same text over 16 lanes: change both or none.
// Only `log` has no twin there, as no kernel uses it.

const f = Math.fround;

const SQRT_HALF = f(Math.SQRT1_2);
const LOG2E = f(1.4426950408889634);
const LN2_HIGH = f(0.693145751953125); // 15 bits of ln 2: n * LN2_HIGH is exact for |n| < 2^9.
const LN2_LOW = f(1.428606765330187e-6); // ln 2 - LN2_HIGH.
// Minimax of (e^r - 1 - r) / r^2 over |r| <= ln2 / 2, from Cephes' expf (S. Moshier).
const EXP_P = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1].map(
  f,
);

/**
 * e^x: x = n ln2 + r, then 2^n times a polynomial in r. Below -104 it is exactly 0 (masked attention scores),
 * above 88.73 infinity. The power of two is applied in two halves, so that subnormal results round once.
 */
export function exp(x: number): number {
  const clamped = x < -104 ? -104 : x > 89 ? 89 : x;
  const n = rint(f(clamped * LOG2E));
  const r = fma(-n, LN2_LOW, fma(-n, LN2_HIGH, clamped));
  let p = EXP_P[0] as number;
  for (let i = 1; i < EXP_P.length; i++) p = fma(p, r, EXP_P[i] as number);
  const y = f(fma(p, f(r * r), r) + 1);
  const half = Math.floor(n / 2);
  return f(f(y * 2 ** half) * 2 ** (n - half));
}

// Cephes' logf (S. Moshier): log(1 + z) = z - z^2 / 2 + z^3 P(z) for 1 + z between sqrt(1/2) and sqrt(2).
const LOG_P = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(f);
const LN2_TOP = f(0.693359375); // 9 bits of ln 2: times any exponent it is exact.
const LN2_REST = f(-2.1219444e-4); // ln 2 - LN2_TOP.
const MIN_NORMAL = 2 ** -126;
const word = new DataView(new ArrayBuffer(4));

/** Natural logarithm: x = m 2^e with m between sqrt(1/2) and sqrt(2), a polynomial in m - 1. log(0) is -infinity. */
export function log(x: number): number {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return x === 0 ? Number.NEGATIVE_INFINITY : x > 0 ? x : Number.NaN;
  const subnormal = x < MIN_NORMAL;
  word.setFloat32(0, subnormal ? x * 2 ** 24 : x);
  const bits = word.getInt32(0);
  word.setInt32(0, (bits & 0x007fffff) | 0x3f000000); // m between 1/2 and 1.
  let m = word.getFloat32(0);
  let e = (bits >> 23) - 126 - (subnormal ? 24 : 0);
  if (m < SQRT_HALF) {
    m = f(m + m);
    e -= 1;
  }
  const z = f(m - 1);
  const square = f(z * z);
  let p = LOG_P[0] as number;
  for (let i = 1; i < LOG_P.length; i++) p = fma(p, z, LOG_P[i] as number);
  const tail = fma(square, -0.5, fma(e, LN2_REST, f(f(p * z) * square)));
  return fma(e, LN2_TOP, f(z + tail));
}

// erf after N. Juffa (published on Stack Overflow, "fast, accurate erff"): an odd polynomial below 0.927734375,
// 1 - e^(polynomial) above; at most 1 unit in the last place.
const ERF_SMALL = [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1].map(f);
const ERF_LARGE = [-1.7285347e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2].map(f);
const ERF_LARGE_TAIL = [-1.06777877e-1, -6.34846687e-1, -1.28717512e-1].map(f);

/** The error function. */
export function erf(x: number): number {
  const magnitude = Math.abs(x);
  const t = magnitude > 4 ? 4 : magnitude; // erf(4) rounds to 1.
  const s = f(t * t);
  if (t > 0.927734375) {
    let r = fma(ERF_LARGE[0] as number, t, ERF_LARGE[1] as number);
    const u = fma(ERF_LARGE[2] as number, t, ERF_LARGE[3] as number);
    r = fma(r, s, u);
    for (const c of ERF_LARGE_TAIL) r = fma(r, t, c);
    r = fma(r, t, -t);
    const y = f(1 - exp(r));
    return x < 0 ? -y : y;
  }
  let r = ERF_SMALL[0] as number;
  for (let i = 1; i < ERF_SMALL.length; i++) r = fma(r, s, ERF_SMALL[i] as number);
  return fma(r, x, x);
}

// Cephes' tanhf: an odd polynomial below 0.625, 1 - 2 / (e^2x + 1) above.
const TANH_P = [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1].map(f);

/** The hyperbolic tangent. */
export function tanh(x: number): number {
  const t = Math.abs(x);
  if (t > 0.625) {
    const y = f(1 - f(2 / f(exp(f(t + t)) + 1)));
    return x < 0 ? -y : y;
  }
  const s = f(x * x);
  let p = TANH_P[0] as number;
  for (let i = 1; i < TANH_P.length; i++) p = fma(p, s, TANH_P[i] as number);
  return fma(f(p * s), x, x);
}

// sin and cos after N. Juffa (published on Stack Overflow and in NVIDIA's forums, "fast, accurate sinf and cosf"): x is
// taken to r between -pi/4 and pi/4 plus a number of quarter turns, and a polynomial of sin or cos gives the value.
const TWO_OVER_PI = f(2 / Math.PI);
const HALF_PI_HIGH = f(1.570796012878418); // 21 bits of pi / 2: n * HALF_PI_HIGH leaves x exactly for n up to 2^16.
const HALF_PI_MIDDLE = f(3.1391647326017846e-7);
const HALF_PI_LOW = f(5.390302529957765e-15); // pi / 2 - HALF_PI_HIGH - HALF_PI_MIDDLE.
const LARGE_ANGLE = 65536;
const SIN_P = [2.86567956e-6, -1.98559923e-4, 8.33338592e-3, -1.66666672e-1].map(f);
const COS_P = [2.44677067e-5, -1.38877297e-3, 4.16666567e-2, -0.5, 1].map(f);

// 192 bits of 2 / pi, 24 to a number. What lies below them is less than 2^-64 quarter turns of the largest float32.
const TWO_OVER_PI_PARTS = [10680707, 7228996, 1387004, 2578385, 16069853, 12639074, 9804092, 4427841].map(
  (part, i) => part * 2 ** (-24 * (i + 1)),
);

type Reduced = readonly [quarters: number, rest: number];

/** Quarter turns in an angle of up to 2^16, and what is left in radians: Cody and Waite's three parts of pi / 2. */
function reduceAngle(angle: number): Reduced {
  const quarters = rint(f(angle * TWO_OVER_PI));
  const high = fma(-quarters, HALF_PI_HIGH, angle);
  return [quarters, fma(-quarters, HALF_PI_LOW, fma(-quarters, HALF_PI_MIDDLE, high))];
}

/**
 * Quarter turns in an angle, mod 4, and what is left in radians, for any size: Payne and Hanek's reduction in doubles.
 * A product of 24 by 24 bits is exact, and so is what remains of it after whole turns; a sum of two such parts that
 * loses bits is too large for them to count.
 */
function reduceLargeAngle(angle: number): Reduced {
  let quarters = 0;
  let part = 0;
  for (const digits of TWO_OVER_PI_PARTS) {
    const product = angle * digits;
    part += product - 4 * rint(product / 4);
    const whole = rint(part);
    quarters += whole;
    part -= whole;
  }
  return [quarters, f(part * (Math.PI / 2))];
}

/** sin(angle + shift pi / 2) for an angle that is not negative. */
function sineOfQuarters(angle: number, shift: number): number {
  const [quarters, r] = angle > LARGE_ANGLE ? reduceLargeAngle(angle) : reduceAngle(angle);
  const turned = quarters + shift;
  const s = f(r * r);
  let y: number;
  if ((turned & 1) === 0) {
    let p = SIN_P[0] as number;
    for (let i = 1; i < SIN_P.length; i++) p = fma(p, s, SIN_P[i] as number);
    y = fma(f(r * s), p, r);
  } else {
    y = COS_P[0] as number;
    for (let i = 1; i < COS_P.length; i++) y = fma(y, s, COS_P[i] as number);
  }
  return (turned & 2) === 0 ? y : -y;
}

/** The sine of x radians; NaN for infinities. */
export function sin(x: number): number {
  const y = sineOfQuarters(Math.abs(x), 0);
  return x < 0 || Object.is(x, -0) ? -y : y;
}

/** The cosine of x radians; NaN for infinities. */
export function cos(x: number): number {
  return sineOfQuarters(Math.abs(x), 1);
}

/** 1 / (1 + e^-x). */
export function sigmoid(x: number): number {
  return f(1 / f(1 + exp(-x)));
}

/** GELU by erf, x/2 (1 + erf(x / sqrt 2)), with one rounding for the product and the sum. */
export function gelu(x: number): number {
  const half = f(x * 0.5);
  return fma(half, erf(f(x * SQRT_HALF)), half);
}

const GELU_LINEAR = f(Math.sqrt(2 / Math.PI));
const GELU_CUBIC = f(0.044715 * Math.sqrt(2 / Math.PI));

/** GELU by tanh, x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): PyTorch's `approximate='tanh'`, GPT-2's `gelu_new`. */
export function geluTanh(x: number): number {
  const half = f(x * 0.5);
  const inner = f(x * fma(f(x * x), GELU_CUBIC, GELU_LINEAR));
  return fma(half, tanh(inner), half);
}
