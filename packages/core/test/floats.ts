import fc from 'fast-check';

// Helpers of tests that look at float32 bits.

const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);

/** The float32 with these bits. */
export function floatOfBits(pattern: number): number {
  bits[0] = pattern;
  return floats[0] as number;
}

/** The bits of a float32; every NaN has the same ones. */
export function bitsOfFloat(value: number): number {
  floats[0] = value;
  return Number.isNaN(value) ? 0x7fc00000 : (bits[0] as number);
}

/** Any float32, all exponents alike: subnormals, infinities and NaN among them. */
export const anyFloat = fc.integer({ min: 0, max: 0xffffffff }).map(floatOfBits);

/** A finite float32 of any exponent. */
export const finiteFloat = anyFloat.filter(Number.isFinite);

/** Distance of neighbouring float32 values at x. */
export function ulp(x: number): number {
  const magnitude = Math.abs(Math.fround(x));
  return magnitude < 2 ** -126 ? 2 ** -149 : floatOfBits(bitsOfFloat(magnitude) & 0x7f800000) * 2 ** -23;
}

/** Bit for bit the same float32 values: 0 and -0 differ, NaNs do not. */
export function sameFloats(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.from(a).every((x, i) => bitsOfFloat(x) === bitsOfFloat(b[i] as number));
}
