import { type Comparable, comparedValues } from './compared-values.js';

/**
 * Signal to quantization noise in dB: 20 log10(|x| / |x - y|), x the float values and y the quantized ones (PyTorch's
 * numeric suite). Above 30 is what PyTorch's model tests ask for; equal tensors give Infinity.
 */
export function sqnr(x: Comparable, y: Comparable): number {
  const [signal, other] = comparedValues('sqnr', x, y);
  let power = 0;
  let noise = 0;
  for (let i = 0; i < signal.length; i++) {
    const value = signal[i] as number;
    const error = value - (other[i] as number);
    power += value * value;
    noise += error * error;
  }
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(power / noise);
}
