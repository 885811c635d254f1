import type { Dims } from '../tensor/shape.js';
import { shapeError } from './check.js';

/** The axes that `dims` names, negative ones from the end; all of them when it is empty. */
export function reducedAxes(op: string, x: Dims, dims: readonly number[]): Set<number> {
  if (dims.length === 0) return new Set(x.keys());
  const axes = new Set(dims.map((dim) => (dim < 0 ? dim + x.length : dim)));
  if (axes.size < dims.length || ![...axes].every((axis) => axis in x)) {
    throw shapeError(op, `x with different axes [${dims.join(', ')}]`, x);
  }
  return axes;
}

/** The dims without the reduced ones, or with dims of 1 in their place. */
export function keptDims(dims: Dims, axes: ReadonlySet<number>, keep: boolean): number[] {
  const ones = dims.map((size, axis) => (axes.has(axis) ? 1 : size));
  return keep ? ones : ones.filter((_, axis) => !axes.has(axis));
}
