import { type Comparable, valuesOf } from '../metrics/compared-values.js';

/** What is known of one side's values. */
export interface ValueStats {
  readonly count: number;
  /** NaN where there are no values. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** The square root of the mean square. */
  readonly rms: number;
}

/** `ValueStats` in the making. */
export class ValueSums {
  private count = 0;
  private min = Number.POSITIVE_INFINITY;
  private max = Number.NEGATIVE_INFINITY;
  private sum = 0;
  private squares = 0;

  add(x: Comparable): void {
    const values = valuesOf('compare', x);
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (value < this.min) this.min = value;
      if (value > this.max) this.max = value;
      this.sum += value;
      this.squares += value * value;
    }
    this.count += values.length;
  }

  stats(): ValueStats {
    const { count, min, max, sum, squares } = this;
    if (count === 0) return { count, min: Number.NaN, max: Number.NaN, mean: Number.NaN, rms: Number.NaN };
    return { count, min, max, mean: sum / count, rms: Math.sqrt(squares / count) };
  }
}
