import type { Comparable } from './compared-values.js';
import { ErrorSums } from './error-sums.js';

/** Cosine of the angle between two tensors seen as vectors, -1 to 1. Two zero vectors give 1, one of them 0. */
export function cosine(x: Comparable, y: Comparable): number {
  return new ErrorSums().add('cosine', x, y).cosine;
}
