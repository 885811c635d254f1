/**
 * The exact int32 products of consecutive rows of a matrix with one vector, modulo 2^32 as in native code:
 * out[i] = sum of rows[from + i * stride + p] * vector[at + p] for p < length, for i < count. Four rows at a time share
 * each load of the vector; the order of a sum does not matter to integers.
 */
export function dotProducts(
  rows: Int32Array,
  from: number,
  stride: number,
  count: number,
  vector: Int32Array,
  at: number,
  length: number,
  out: Int32Array,
): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) fourProducts(rows, from + i * stride, stride, vector, at, length, out, i);
  for (; i < count; i++) {
    const row = from + i * stride;
    let sum = 0;
    for (let p = 0; p < length; p++) {
      sum = (sum + Math.imul(rows[row + p] as number, vector[at + p] as number)) | 0;
    }
    out[i] = sum;
  }
}

function fourProducts(
  rows: Int32Array,
  from: number,
  stride: number,
  vector: Int32Array,
  at: number,
  length: number,
  out: Int32Array,
  to: number,
): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let r0 = from;
  let r1 = r0 + stride;
  let r2 = r1 + stride;
  let r3 = r2 + stride;
  const end = at + length;
  for (let p = at; p < end; p++) {
    const v = vector[p] as number;
    s0 = (s0 + Math.imul(rows[r0++] as number, v)) | 0;
    s1 = (s1 + Math.imul(rows[r1++] as number, v)) | 0;
    s2 = (s2 + Math.imul(rows[r2++] as number, v)) | 0;
    s3 = (s3 + Math.imul(rows[r3++] as number, v)) | 0;
  }
  out[to] = s0;
  out[to + 1] = s1;
  out[to + 2] = s2;
  out[to + 3] = s3;
}
