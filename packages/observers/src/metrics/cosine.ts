import { type Comparable, comparedValues } from './compared-values.js';

/** Cosine of the angle between two tensors seen as vectors, -1 to 1. Two zero vectors give 1, one of them 0. */
export function cosine(x: Comparable, y: Comparable): number {
  const [a, b] = comparedValues('cosine', x, y);
  let dot = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    const [p, q] = [a[i] as number, b[i] as number];
    dot += p * q;
    squareA += p * p;
    squareB += q * q;
  }
  if (squareA === 0 || squareB === 0) return squareA === squareB ? 1 : 0;
  return dot / (Math.sqrt(squareA) * Math.sqrt(squareB));
}
