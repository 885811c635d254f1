import { sizeOf, Tensor } from '@octavo/core';
import type { Node } from '../ir/node.js';

// Gradients of pools over the last 1 to 3 axes, any layout of windows. Dims and attributes as in core's ops.

/** One window along one axis: the elements of x in it, and its length with its padding. */
interface Span {
  readonly elements: readonly number[];
  readonly padded: number;
}

/** Along each spatial axis, the windows of its outputs. */
function spansOf({ op, attrs }: Node, x: Tensor, y: Tensor): readonly (readonly Span[])[] {
  const list = (name: string): readonly number[] => (attrs[name] as readonly number[] | undefined) ?? [];
  const rank = (op === 'aten::adaptive_avg_pool' ? list('outputSize') : list('kernel')).length;
  const span = (from: number, reach: number, step: number, size: number, padded: number): Span => ({
    elements: Array.from({ length: Math.ceil(reach / step) }, (_, i) => from + i * step).filter(
      (i) => i >= 0 && i < size,
    ),
    padded,
  });
  return Array.from({ length: rank }, (_, axis) => {
    const [size, count] = [x.raw.dims.at(axis - rank), y.raw.dims.at(axis - rank)] as [number, number];
    return Array.from({ length: count }, (_, i) => {
      if (op === 'aten::adaptive_avg_pool') {
        const [start, end] = [Math.floor((i * size) / count), Math.ceil(((i + 1) * size) / count)];
        return span(start, end - start, 1, size, end - start);
      }
      const kernel = list('kernel')[axis] as number;
      const dilation = list('dilation')[axis] ?? 1;
      const reach = dilation * (kernel - 1) + 1;
      const begin = list('padding')[axis] ?? 0;
      const from = i * (list('stride')[axis] ?? kernel) - begin;
      const end = size + (list('padding')[rank + axis] ?? begin);
      return span(from, reach, dilation, size, Math.min(from + reach, end) - from);
    });
  });
}

/** Visits every output with the indices of its window in x, row-major, and the window's size with its padding. */
function forEachWindow(
  node: Node,
  x: Tensor,
  y: Tensor,
  visit: (output: number, window: readonly number[], area: number) => void,
): void {
  const axes = spansOf(node, x, y);
  const spatial = x.raw.dims.slice(-axes.length);
  const windows = axes.reduce<{ elements: number[]; padded: number }[]>(
    (outer, spans, axis) =>
      outer.flatMap(({ elements, padded }) =>
        spans.map((span) => ({
          elements: elements.flatMap((at) => span.elements.map((i) => at * (spatial[axis] as number) + i)),
          padded: padded * span.padded,
        })),
      ),
    [{ elements: [0], padded: 1 }],
  );
  const plane = sizeOf(spatial);
  for (let p = 0; p * plane < x.raw.data.length; p++) {
    windows.forEach(({ elements, padded }, i) => {
      visit(
        p * windows.length + i,
        elements.map((at) => p * plane + at),
        padded,
      );
    });
  }
}

/** The gradient goes to the largest element of each window, the first of equal ones. */
export function maxPoolGradient(node: Node, x: Tensor, gradient: Tensor): Tensor<'float32'> {
  const [data, dy] = [x.raw.data as Float32Array, gradient.raw.data as Float32Array];
  const dx = new Float32Array(data.length);
  forEachWindow(node, x, gradient, (output, window) => {
    const first = window[0];
    if (first === undefined) return;
    const at = window.reduce((best, i) => ((data[i] as number) > (data[best] as number) ? i : best), first);
    dx[at] = (dx[at] as number) + (dy[output] as number);
  });
  return new Tensor('float32', dx, x.raw.dims);
}

/** The gradient goes to all elements of a window, divided as their sum was. */
export function averagePoolGradient(node: Node, x: Tensor, gradient: Tensor): Tensor<'float32'> {
  const dy = gradient.raw.data as Float32Array;
  const dx = new Float32Array(x.raw.data.length);
  const { divisor, countIncludePad } = node.attrs as { divisor?: number; countIncludePad?: number };
  forEachWindow(node, x, gradient, (output, window, area) => {
    const share = (dy[output] as number) / (divisor || (countIncludePad === 1 ? area : window.length));
    for (const i of window) dx[i] = (dx[i] as number) + share;
  });
  return new Tensor('float32', dx, x.raw.dims);
}
