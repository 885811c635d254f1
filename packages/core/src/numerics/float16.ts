// IEEE binary16 as raw bits in a Uint16Array. Both directions are exact as the standard defines them.

const floatView = new Float32Array(1);
const bitsView = new Uint32Array(floatView.buffer);

/** The float16 nearest to a float32, ties to even: overflow gives infinity, NaN stays NaN. Returns its 16 bits. */
export function float16FromFloat32(value: number): number {
  floatView[0] = value;
  const bits = bitsView[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above round to infinity.
  if (magnitude < 0x38800000) {
    // Below 2^-14 the result is subnormal: a multiple of 2^-24. Adding 0.5 leaves a float32 just those bits, rounded
    // to even by the addition itself.
    floatView[0] = magnitude < 0x33000000 ? 0.5 : Math.abs(value) + 0.5;
    return sign | ((bitsView[0] as number) - 0x3f000000);
  }
  // Drop 13 bits: add just under half of the last kept bit, and that bit itself to send ties to even.
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** The value of 16 bits of a float16; every one is a float32. */
export function float16ToFloat32(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

let table: Float32Array | undefined;

/** The float32 values of float16 bits. The table of all 65,536 is made at first use. */
export function widenFloat16Array(bits: Uint16Array): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, i) => float16ToFloat32(i));
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i] as number] as number;
  return out;
}

/** The nearest float16 of each float32, as bits. */
export function narrowToFloat16Array(values: Float32Array): Uint16Array {
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = float16FromFloat32(values[i] as number);
  return out;
}
