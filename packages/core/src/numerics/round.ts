const MAGIC = 4503599627370496; // 2^52: adding it to a positive double leaves no fraction bits.

/** Round half to even of a double; the sign of a zero result is x's. NaN and infinities stay what they are. */
export function rint(x: number): number {
  if (x > 0) return x < MAGIC ? x + MAGIC - MAGIC : x;
  if (x < 0) return x > -MAGIC ? -(MAGIC - x - MAGIC) : x;
  return x;
}

/** `x` limited to [low, high]; NaN stays NaN. */
export function clamp(x: number, low: number, high: number): number {
  return x < low ? low : x > high ? high : x;
}
