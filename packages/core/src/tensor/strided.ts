import type { Dims } from './shape.js';

/** Row-major element strides of a dense tensor. */
export function denseStrides(dims: Dims): number[] {
  const strides = new Array<number>(dims.length);
  let stride = 1;
  for (let i = dims.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= dims[i] as number;
  }
  return strides;
}

/**
 * Visits every index of `dims` in row-major order and gives the offset it has in each operand: the sum of
 * index times stride. The array of offsets is one and the same at every visit.
 */
export function forEachIndex(
  dims: Dims,
  strides: readonly (readonly number[])[],
  visit: (offsets: readonly number[]) => void,
): void {
  if (dims.includes(0)) return;
  const index = new Array<number>(dims.length).fill(0);
  const offsets = new Array<number>(strides.length).fill(0);
  for (;;) {
    visit(offsets);
    let axis = dims.length - 1;
    for (; axis >= 0; axis--) {
      const next = (index[axis] as number) + 1;
      const wraps = next === dims[axis];
      index[axis] = wraps ? 0 : next;
      const step = wraps ? 1 - next : 1;
      for (let k = 0; k < strides.length; k++) {
        offsets[k] = (offsets[k] as number) + step * (strides[k]?.[axis] as number);
      }
      if (!wraps) break;
    }
    if (axis < 0) return;
  }
}

/**
 * Gathers elements into dense order: out[index] = data[offset + sum of index * stride]. Runs along the last
 * dimension are copied whole where they lie side by side.
 */
export function gather<
  T extends { [i: number]: unknown; set(from: T, at: number): void; subarray(a: number, b: number): T },
>(data: T, out: T, dims: Dims, strides: readonly number[], offset: number): void {
  const run = dims.at(-1) ?? 1;
  const step = strides.at(-1) ?? 1;
  let at = 0;
  forEachIndex(dims.slice(0, -1), [strides.slice(0, -1)], ([start]) => {
    const from = offset + (start as number);
    if (step === 1) out.set(data.subarray(from, from + run), at);
    else for (let i = 0; i < run; i++) out[at + i] = data[from + i * step];
    at += run;
  });
}
