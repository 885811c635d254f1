const f = Math.fround;

/**
 * float32 fused multiply-add: a * b + c rounded once, as hardware FMA does.
 *
 * The product of two float32 is exact in a double (48 bits). The double sum may round, and rounding that again to
 * float32 goes wrong only where the double lies exactly between two float32 values: there the part that the double
 * lost (Knuth's TwoSum, TAOCP vol. 2, 4.2.2) says to which side the exact sum lies.
 */
export function fma(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  const rounded = f(sum);
  if (rounded - rounded !== 0) return atOverflow(rounded, product, c, sum);
  // A midpoint: as far from `rounded` as the float32 value on its other side.
  const beyond = sum + (sum - rounded);
  if (beyond === rounded || f(beyond) !== beyond) return rounded;
  const lost = lostBySum(product, c, sum);
  if (lost === 0) return rounded;
  return lost > 0 === beyond > rounded ? beyond : rounded;
}

/** What the double `sum` = a + b lost by rounding, exactly. */
function lostBySum(a: number, b: number, sum: number): number {
  const bv = sum - a;
  return a - (sum - bv) + (b - bv);
}

const LARGEST = 3.4028234663852886e38;
/** Midpoint between the largest float32 and 2^128: it rounds to infinity unless the exact sum lies below it. */
const OVERFLOW_MIDPOINT = 3.4028235677973366e38;

function atOverflow(rounded: number, product: number, c: number, sum: number): number {
  if (Math.abs(sum) !== OVERFLOW_MIDPOINT) return rounded;
  const lost = lostBySum(product, c, sum);
  return lost !== 0 && lost > 0 !== sum > 0 ? Math.sign(sum) * LARGEST : rounded;
}
