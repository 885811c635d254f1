import { OctavoError } from '../errors.js';
import type { TypedArray } from './dtype.js';
import { type Dims, formatDims, sizeOf } from './shape.js';

// Channels-last memory: a tensor of dims [batch, channels, ...spatial] whose data lies [batch, ...spatial, channels].

/** Refuses dims that have no channels-last order: it is defined for 1, 2 and 3 spatial axes. */
export function checkChannelsLast(dims: Dims): void {
  if (dims.length >= 3 && dims.length <= 5) return;
  throw new OctavoError('INVALID_SHAPE', `[Tensor] channels-last data needs a rank of 3 to 5, got ${formatDims(dims)}`);
}

/** Whether both orders put every element at the same place. */
export function ordersAgree(dims: Dims): boolean {
  const size = sizeOf(dims);
  return dims[1] === 1 || size === (dims[0] as number) * (dims[1] as number) || size === 0;
}

function transposed<T extends TypedArray>(data: T, batch: number, rows: number, columns: number): T {
  const from = data as Uint8Array;
  const out = data.slice() as Uint8Array;
  let at = 0;
  for (let b = 0; b < batch; b++) {
    const start = b * rows * columns;
    for (let column = 0; column < columns; column++) {
      for (let row = 0; row < rows; row++) out[at++] = from[start + row * columns + column] as number;
    }
  }
  return out as T;
}

/** Channels-last data in row-major order. */
export function rowMajorOf<T extends TypedArray>(data: T, dims: Dims): T {
  return transposed(data, dims[0] as number, sizeOf(dims.slice(2)), dims[1] as number);
}

/** Row-major data in channels-last order. */
export function channelsLastOf<T extends TypedArray>(data: T, dims: Dims): T {
  return transposed(data, dims[0] as number, dims[1] as number, sizeOf(dims.slice(2)));
}
