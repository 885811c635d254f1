import { fma } from './fma.js';

const f = Math.fround;

/** A matrix in a flat array: element [i, j] lies at offset + i * row + j * column. */
export interface MatrixView {
  readonly data: Float32Array;
  readonly offset: number;
  readonly row: number;
  readonly column: number;
}

/**
 * C[m, n] = sum over k of A[m, k] B[k, n] in float32: one FMA chain per output, k ascending, from +0.
 * This order is the contract: native kernels split M and N among vectors and threads, and never K.
 * Strides in elements, so that either operand may be transposed in place.
 */
export function gemm(
  dims: { m: number; n: number; k: number },
  a: MatrixView,
  b: MatrixView,
  c: { data: Float32Array; offset: number; row: number },
): void {
  const { m, n, k } = dims;
  for (let i = 0; i < m; i++) {
    const from = a.offset + i * a.row;
    const to = c.offset + i * c.row;
    let j = 0;
    // Four chains at a time: each waits on itself, so that four take hardly longer than one.
    for (; j + 4 <= n; j += 4) fourChains(k, a, from, b, b.offset + j * b.column, c.data, to + j);
    for (; j < n; j++) c.data[to + j] = chain(k, a, from, b, b.offset + j * b.column);
  }
}

function chain(k: number, a: MatrixView, from: number, b: MatrixView, at: number): number {
  let sum = 0;
  for (let p = 0; p < k; p++) {
    sum = fma(a.data[from + p * a.column] as number, b.data[at + p * b.row] as number, sum);
  }
  return sum;
}

/** Chains of columns that start at `at`, `at + b.column`, ...; every step is `fma`, whose rare cases are left to it. */
function fourChains(
  k: number,
  a: MatrixView,
  from: number,
  b: MatrixView,
  at: number,
  out: Float32Array,
  to: number,
): void {
  const { data: x, column: step } = a;
  const { data: y, row, column } = b;
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  for (let p = 0; p < k; p++) {
    const xp = x[from + p * step] as number;
    const yp = at + p * row;
    const y0 = y[yp] as number;
    const y1 = y[yp + column] as number;
    const y2 = y[yp + 2 * column] as number;
    const y3 = y[yp + 3 * column] as number;
    const t0 = xp * y0 + s0;
    const t1 = xp * y1 + s1;
    const t2 = xp * y2 + s2;
    const t3 = xp * y3 + s3;
    // Doubled, the distance of a sum to its rounding reaches another float32 only at a midpoint (see `fma`).
    const r0 = f(t0);
    const r1 = f(t1);
    const r2 = f(t2);
    const r3 = f(t3);
    const b0 = t0 + (t0 - r0);
    const b1 = t1 + (t1 - r1);
    const b2 = t2 + (t2 - r2);
    const b3 = t3 + (t3 - r3);
    s0 = f(b0) !== b0 || b0 === r0 ? r0 : fma(xp, y0, s0);
    s1 = f(b1) !== b1 || b1 === r1 ? r1 : fma(xp, y1, s1);
    s2 = f(b2) !== b2 || b2 === r2 ? r2 : fma(xp, y2, s2);
    s3 = f(b3) !== b3 || b3 === r3 ? r3 : fma(xp, y3, s3);
  }
  out[to] = s0;
  out[to + 1] = s1;
  out[to + 2] = s2;
  out[to + 3] = s3;
}
