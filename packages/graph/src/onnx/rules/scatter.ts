import { sizeOf, Tensor } from '@octavo/core';
import type { Rule, RuleContext } from '../../import/rule.js';
import { axisOf } from './shape.js';

// Operators that have no row in core's table: they are computed from tensors where those are known, which is while
// importing for constants, and for each run where its inputs have a part in them.

/** A copy of the data to write into, and where the elements of the updates go. */
function written(n: RuleContext, place: (update: number, dims: readonly number[]) => number): Tensor {
  if (n.text('reduction', 'none') !== 'none') throw n.unsupported('a reduction');
  const [data, updates] = [n.tensor(n.input(0)), n.tensor(n.input(2))];
  const result = data.raw.data.slice();
  updates.raw.data.forEach((value, i) => {
    result[place(i, data.raw.dims)] = value;
  });
  return new Tensor(data.type, result as never, data.raw.dims);
}

/** An index from the end where it is negative. */
function checked(n: RuleContext, index: number, size: number): number {
  const resolved = index < 0 ? index + size : index;
  if (resolved >= 0 && resolved < size) return resolved;
  throw n.fault(`index ${index} is outside a dim of ${size}`);
}

/** Slices of updates [..., rest...] at indices [..., k] of the first k dims of the data. */
const scatterNd: Rule = (n) => {
  const indices = n.tensor(n.input(1)).raw;
  const depth = indices.dims.at(-1) as number;
  const at = indices.data as BigInt64Array;
  const made = written(n, (update, dims) => {
    const slice = sizeOf(dims.slice(depth));
    const first = Math.floor(update / slice) * depth;
    let row = 0;
    for (let i = 0; i < depth; i++)
      row = row * (dims[i] as number) + checked(n, Number(at[first + i]), dims[i] as number);
    return row * slice + (update % slice);
  });
  return n.constant(made);
};

/** Each update at its own place but along `axis`, where the index of the same place says it. */
const scatterElements: Rule = (n) => {
  const indices = n.tensor(n.input(1)).raw;
  const axis = axisOf(n, n.attr('axis', 0), indices.dims.length);
  const made = written(n, (update, dims) => {
    let [rest, place, stride] = [update, 0, 1];
    for (let dim = dims.length - 1; dim >= 0; dim--) {
      const size = indices.dims[dim] as number;
      const own = rest % size;
      place += stride * (dim === axis ? checked(n, Number(indices.data[update]), dims[dim] as number) : own);
      rest = Math.floor(rest / size);
      stride *= dims[dim] as number;
    }
    return place;
  });
  return n.constant(made);
};

export const SCATTER_RULES: Readonly<Record<string, Rule>> = {
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
};
