import type { Comparable } from './compared-values.js';
import { ErrorSums } from './error-sums.js';

/** The largest |x - y|; 0 for empty tensors, NaN where either side holds a NaN. */
export function maxAbsError(x: Comparable, y: Comparable): number {
  return new ErrorSums().add('maxAbsError', x, y).maxAbsError;
}
