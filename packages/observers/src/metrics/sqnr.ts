import type { Comparable } from './compared-values.js';
import { ErrorSums } from './error-sums.js';

/**
 * Signal to quantization noise in dB: 20 log10(|x| / |x - y|), x the float values and y the quantized ones (PyTorch's
 * numeric suite). Above 30 is what PyTorch's model tests ask for; equal tensors give Infinity.
 */
export function sqnr(x: Comparable, y: Comparable): number {
  return new ErrorSums().add('sqnr', x, y).sqnr;
}
