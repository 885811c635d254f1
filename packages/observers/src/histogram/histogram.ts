import { OctavoError, type Tensor } from '@octavo/core';
import { floatValues } from '../float-values.js';
import type { ObservedQParams } from '../observed-qparams.js';
import { rangeOf } from '../ranges.js';
import { UniformObserver, type UniformObserverOptions } from '../uniform-observer.js';
import { histc } from './histc.js';
import { searchRange } from './range-search.js';
import { rebin } from './rebin.js';

export interface HistogramObserverOptions extends UniformObserverOptions {
  /** Bins of the histogram; 2048 by default. */
  bins?: number;
}

/**
 * A histogram of everything seen, whose range is cut where that lowers the squared error (PyTorch's class of that name,
 * the algorithm of version 2.5). Memory: `bins` numbers.
 */
export class HistogramObserver extends UniformObserver {
  static override readonly typeName = 'HistogramObserver';
  readonly bins: number;
  /** The smallest value seen; +Infinity before any. */
  minVal = Number.POSITIVE_INFINITY;
  /** The largest value seen; -Infinity before any. */
  maxVal = Number.NEGATIVE_INFINITY;
  /** Counts by bin, float32; parts of a count where the range has grown. */
  histogram: Float32Array;

  constructor(options: HistogramObserverOptions = {}) {
    super(options, { perChannel: false });
    const { bins = 2048 } = options;
    if (!Number.isInteger(bins) || bins < 2 || bins > 2 ** 20) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[HistogramObserver] bins must be an integer of 2 or more, got ${bins}`,
      );
    }
    this.bins = bins;
    this.histogram = new Float32Array(bins);
  }

  override get isEmpty(): boolean {
    return this.minVal > this.maxVal;
  }

  observe(x: Tensor): Tensor {
    const values = floatValues(this.typeName, x);
    const range = rangeOf(values);
    const batch = { min: range.min[0] as number, max: range.max[0] as number };
    if (batch.min > batch.max) return x; // Nothing finite.
    const seen = { min: this.minVal, max: this.maxVal };
    const first = seen.min > seen.max;
    const joint = first ? batch : { min: Math.min(seen.min, batch.min), max: Math.max(seen.max, batch.max) };
    const counts = histc(values, this.bins, joint.min, joint.max);
    if (first) this.histogram = counts;
    else this.add(counts, this.histogramOver(joint, counts));
    this.minVal = joint.min;
    this.maxVal = joint.max;
    return x;
  }

  /** The old counts over the joint range. */
  private histogramOver(joint: { min: number; max: number }, counts: Float32Array): Float32Array {
    const { minVal: min, maxVal: max, histogram, bins } = this;
    if (joint.min === min && joint.max === max) return histogram;
    if (min !== max) return rebin(histogram, { min, max }, joint);
    // One value so far: PyTorch gives its bin the weight of the new batch, whatever its own was.
    const total = counts.reduce((sum, count) => sum + count, 0);
    return histc([min], bins, joint.min, joint.max).map((count) => count * total);
  }

  private add(counts: Float32Array, old: Float32Array): void {
    this.histogram = counts.map((count, i) => count + (old[i] as number));
  }

  calculateQParams(): ObservedQParams {
    const { histogram, minVal, maxVal } = this;
    const { min, max } = minVal > maxVal ? { min: minVal, max: maxVal } : searchRange(histogram, minVal, maxVal);
    return this.qparamsOf({ min: Float32Array.of(min), max: Float32Array.of(max) }, null);
  }

  reset(): void {
    this.minVal = Number.POSITIVE_INFINITY;
    this.maxVal = Number.NEGATIVE_INFINITY;
    this.histogram = new Float32Array(this.bins);
  }

  protected override optionsJSON(): Record<string, unknown> {
    return { ...super.optionsJSON(), bins: this.bins };
  }

  protected override stateJSON(): Record<string, unknown> {
    if (this.minVal > this.maxVal) return {};
    return { min: this.minVal, max: this.maxVal, histogram: Array.from(this.histogram) };
  }

  protected override loadStateJSON(state: Readonly<Record<string, unknown>>): void {
    if (state.histogram === undefined) return;
    const { min, max, histogram } = state as { min: number; max: number; histogram: number[] };
    const counts =
      Array.isArray(histogram) &&
      histogram.length === this.bins &&
      histogram.every((n) => Number.isFinite(n) && n >= 0);
    if (!counts || !Number.isFinite(min) || !Number.isFinite(max) || min > max) {
      throw new OctavoError(
        'INVALID_DATA',
        `[HistogramObserver.fromJSON] expected min, max and ${this.bins} counts in the state`,
      );
    }
    this.minVal = min;
    this.maxVal = max;
    this.histogram = Float32Array.from(histogram);
  }
}
