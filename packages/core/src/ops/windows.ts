import { OctavoError } from '../errors.js';
import { paddings, perAxis } from '../tensor/conv-geometry.js';
import { type Dims, sizeOf } from '../tensor/shape.js';
import { attrList, attrNumber, shapeError } from './check.js';
import type { Attrs } from './op-def.js';

// The windows of pools, float and quantized, over the last 1, 2 or 3 dimensions of a tensor [..., channels, ...spatial].

/** Elements [start, end) in steps of `step` of one axis under one output, and the window's length with its padding. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly padded: number;
}

/** The spans of every output along each spatial axis. */
export type Windows = readonly (readonly Span[])[];

/** The windows of an input of dims `dims`, by an op's attributes; throws where they do not fit. */
export type WindowsOf = (op: string, dims: Dims, attrs: Attrs) => Windows;

/** A list attribute whose length is the number of spatial axes. */
function axesOf(op: string, dims: Dims, attrs: Attrs, name: string): readonly number[] {
  const list = attrList(attrs, name);
  if (list.length < 1 || list.length > 3 || !list.every((n) => Number.isSafeInteger(n) && n >= 1)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${op}] ${name} must be one, two or three integers of 1 or more, got [${list.join(', ')}]`,
    );
  }
  if (dims.length <= list.length) {
    throw shapeError(op, `x [..., channels, ${['depth', 'height', 'width'].slice(-list.length).join(', ')}]`, dims);
  }
  return list;
}

/**
 * Windows that slide by `stride` (the kernel when left out), PyTorch's sizes: the last window of `ceilMode` starts inside
 * the input or its padding before it. `padding` is one number an axis, or [begin..., end...].
 */
export const slidingWindows: WindowsOf = (op, dims, attrs) => {
  const kernel = axesOf(op, dims, attrs, 'kernel');
  const rank = kernel.length;
  const stride = perAxis(op, 'stride', given(attrs, 'stride') ?? kernel, rank, 1);
  const padding = paddings(op, given(attrs, 'padding') ?? 0, rank);
  const dilation = perAxis(op, 'dilation', given(attrs, 'dilation') ?? 1, rank, 1);
  const ceil = attrNumber(attrs, 'ceilMode', 0) === 1;
  return kernel.map((k, axis) => {
    const [s, d] = [stride[axis], dilation[axis]] as [number, number];
    const [begin, end] = [padding[axis], padding[rank + axis]] as [number, number];
    const size = dims.at(axis - rank) as number;
    const reach = d * (k - 1) + 1;
    const most = Math.max(begin, end);
    if (most > Math.floor(reach / 2)) {
      throw new OctavoError('INVALID_ARGUMENT', `[${op}] padding ${most} is more than half of the window's ${reach}`);
    }
    const room = size + begin + end - reach;
    let count = (ceil ? Math.ceil(room / s) : Math.floor(room / s)) + 1;
    if (ceil && (count - 1) * s >= size + begin) count--;
    if (room < 0 || count < 1) throw shapeError(op, `an input that holds a window of ${reach}`, dims);
    return Array.from({ length: count }, (_, i): Span => {
      const from = i * s - begin;
      const start = from < 0 ? from + Math.ceil(-from / d) * d : from;
      const padded = Math.min(from + reach, size + end) - from;
      return { start, end: Math.min(from + reach, size), step: d, padded };
    });
  });
};

function given(attrs: Attrs, name: string): readonly number[] | undefined {
  const list = attrList(attrs, name);
  return list.length === 0 ? undefined : list;
}

/** Windows that divide each axis into so many parts: floor(i n / parts) to ceil((i + 1) n / parts). */
export const adaptiveWindows: WindowsOf = (op, dims, attrs) => {
  const outputSize = axesOf(op, dims, attrs, 'outputSize');
  return outputSize.map((parts, axis) => {
    const size = dims.at(axis - outputSize.length) as number;
    if (size === 0) throw shapeError(op, 'an input with elements', dims);
    return Array.from({ length: parts }, (_, i): Span => {
      const start = Math.floor((i * size) / parts);
      const end = Math.ceil(((i + 1) * size) / parts);
      return { start, end, step: 1, padded: end - start };
    });
  });
};

/** The dims of a pool's output. */
export function pooledDims(dims: Dims, windows: Windows): number[] {
  return [...dims.slice(0, -windows.length), ...windows.map((spans) => spans.length)];
}

const ONE: readonly Span[] = [{ start: 0, end: 1, step: 1, padded: 1 }];

/**
 * Writes every output in row-major order: `value` gets a function that visits the window's elements, row-major, and the
 * window's size with its padding.
 */
export function pool(
  data: ArrayLike<number>,
  dims: Dims,
  windows: Windows,
  y: { [i: number]: number },
  value: (visit: (each: (x: number) => void) => void, area: number) => number,
): void {
  const missing = 3 - windows.length;
  const [slices, rows, columns] = [...new Array(missing).fill(ONE), ...windows] as [Span[], Span[], Span[]];
  const [depth, height, width] = [...new Array(missing).fill(1), ...dims.slice(-windows.length)] as number[] as [
    number,
    number,
    number,
  ];
  const planes = sizeOf(dims.slice(0, -windows.length));
  let at = 0;
  for (let plane = 0; plane < planes; plane++) {
    for (const slice of slices) {
      for (const row of rows) {
        for (const column of columns) {
          const visit = (each: (x: number) => void): void => {
            for (let k = slice.start; k < slice.end; k += slice.step) {
              for (let i = row.start; i < row.end; i += row.step) {
                const start = ((plane * depth + k) * height + i) * width;
                for (let j = column.start; j < column.end; j += column.step) each(data[start + j] as number);
              }
            }
          };
          y[at++] = value(visit, slice.padded * row.padded * column.padded);
        }
      }
    }
  }
}
