import { OctavoError } from '../errors.js';

export type Dims = readonly number[];

/** Number of elements of a shape; 1 for a scalar's `[]`. */
export function sizeOf(dims: Dims): number {
  let size = 1;
  for (const dim of dims) size *= dim;
  return size;
}

/** `[2, 3]` as text for messages. */
export function formatDims(dims: Dims): string {
  return `[${dims.join(', ')}]`;
}

/** Refuses anything but non-negative safe integers whose product is a safe integer. */
export function checkDims(dims: Dims, where: string): void {
  if (!Array.isArray(dims) || !dims.every((d) => Number.isSafeInteger(d) && d >= 0) || sizeOf(dims) > 2 ** 47) {
    throw new OctavoError('INVALID_SHAPE', `[${where}] expected dims of non-negative integers, got ${String(dims)}`);
  }
}

/** An axis counted from the end when negative, checked against the rank. A tensor without dims takes 0 and -1. */
export function checkAxis(axis: number, rank: number, where: string): number {
  const count = Math.max(rank, 1);
  const resolved = axis < 0 ? axis + count : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= count) {
    throw new OctavoError('INVALID_SHAPE', `[${where}] axis ${axis} is outside a tensor of rank ${rank}`);
  }
  return resolved;
}

/** NumPy's broadcast of two shapes. */
export function broadcastDims(a: Dims, b: Dims, where: string): number[] {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const da = a[a.length - rank + i] ?? 1;
    const db = b[b.length - rank + i] ?? 1;
    if (da !== db && da !== 1 && db !== 1) {
      throw new OctavoError(
        'INVALID_SHAPE',
        `[${where}] shapes ${formatDims(a)} and ${formatDims(b)} cannot be broadcast together`,
        { details: { a, b } },
      );
    }
    out.push(da === 1 ? db : da);
  }
  return out;
}

/** Row-major element strides of `dims` when broadcast to `target`: 0 along every repeated dimension. */
export function broadcastStrides(dims: Dims, target: Dims): number[] {
  const strides = new Array<number>(target.length).fill(0);
  let stride = 1;
  for (let i = dims.length - 1; i >= 0; i--) {
    const dim = dims[i] as number;
    strides[target.length - dims.length + i] = dim === 1 ? 0 : stride;
    stride *= dim;
  }
  return strides;
}

/**
 * The dims a reshape asks for, resolved as ONNX does: `0` copies the input's dim at that place,
 * one `-1` takes what is left.
 */
export function resolveReshape(from: Dims, asked: Dims, where: string): number[] {
  const out = asked.map((d, i) => (d === 0 ? (from[i] ?? Number.NaN) : d));
  const total = sizeOf(from);
  const free = out.indexOf(-1);
  if (free >= 0) {
    const known = sizeOf(out.filter((_, i) => i !== free));
    out[free] = known === 0 ? 0 : total / known;
  }
  if (!out.every((d) => Number.isSafeInteger(d) && d >= 0) || sizeOf(out) !== total) {
    throw new OctavoError(
      'INVALID_SHAPE',
      `[${where}] cannot reshape ${formatDims(from)} (${total} elements) to ${formatDims(asked)}; ` +
        '0 copies a dim, one -1 takes what is left',
    );
  }
  return out;
}
