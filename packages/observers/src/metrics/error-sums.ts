import { type Comparable, comparedValues } from './compared-values.js';

/**
 * What comparing x with y needs to keep of them, so that tensors may come batch by batch and be forgotten. Sums are in
 * double precision and in the order of the elements: one tensor at once gives the bits that its batches in turn give.
 */
export class ErrorSums {
  /** Elements compared. */
  count = 0;
  /** The sum of x * x, and of the squared differences. */
  private signal = 0;
  private noise = 0;
  private dot = 0;
  private otherSignal = 0;
  private largest = 0;

  /** Adds two tensors of one size; `where` is who asks, for the error that their sizes differ. */
  add(where: string, x: Comparable, y: Comparable): this {
    const [a, b] = comparedValues(where, x, y);
    for (let i = 0; i < a.length; i++) {
      const [p, q] = [a[i] as number, b[i] as number];
      // Infinities of one sign are equal, although their difference is no number.
      const error = p === q ? 0 : p - q;
      this.signal += p * p;
      this.otherSignal += q * q;
      this.noise += error * error;
      this.dot += p * q;
      // NaN stays, and is not less than anything.
      if (!(Math.abs(error) <= this.largest)) this.largest = Math.abs(error);
    }
    this.count += a.length;
    return this;
  }

  /** 20 log10(|x| / |x - y|) in dB; Infinity where they are equal. */
  get sqnr(): number {
    return this.noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(this.signal / this.noise);
  }

  /** The cosine of their angle, -1 to 1. Two zero vectors give 1, one of them 0. */
  get cosine(): number {
    const { signal, otherSignal } = this;
    if (signal === 0 || otherSignal === 0) return signal === otherSignal ? 1 : 0;
    return this.dot / (Math.sqrt(signal) * Math.sqrt(otherSignal));
  }

  /** The largest |x - y|; 0 where nothing came, NaN where either side held a NaN. */
  get maxAbsError(): number {
    return this.largest;
  }
}
