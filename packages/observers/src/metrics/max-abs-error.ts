import { type Comparable, comparedValues } from './compared-values.js';

/** The largest |x - y|; 0 for empty tensors, NaN where either side holds a NaN. */
export function maxAbsError(x: Comparable, y: Comparable): number {
  const [a, b] = comparedValues('maxAbsError', x, y);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const error = a[i] === b[i] ? 0 : Math.abs((a[i] as number) - (b[i] as number));
    if (Number.isNaN(error)) return error;
    if (error > largest) largest = error;
  }
  return largest;
}
