import { F, OctavoError, Tensor } from '@octavo/core';
import { floatTensor } from '../float-tensor.js';
import type { ObservedQParams } from '../observed-qparams.js';
import { rangeOf } from '../ranges.js';
import { UniformObserver, type UniformObserverOptions } from '../uniform-observer.js';
import { rebin } from './rebin.js';

export interface HistogramObserverOptions extends UniformObserverOptions {
  /** Bins of the histogram; 2048 by default. */
  bins?: number;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

/**
 * Base of the observers that keep a histogram of everything seen and choose their range from it. The histogram is that
 * of PyTorch 2.5's `HistogramObserver`. Memory: `bins` numbers.
 */
export abstract class BinnedObserver extends UniformObserver {
  readonly bins: number;
  /** The smallest value seen; +Infinity before any. */
  minVal = Number.POSITIVE_INFINITY;
  /** The largest value seen; -Infinity before any. */
  maxVal = Number.NEGATIVE_INFINITY;
  /** Null before any values: thousands of observers that have seen none are to take no memory. */
  private counts: Float32Array | null = null;

  constructor(options: HistogramObserverOptions) {
    super(options, { perChannel: false });
    const { bins = 2048 } = options;
    if (!Number.isInteger(bins) || bins < 2 || bins > 2 ** 20) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${this.typeName}] bins must be an integer from 2 to 1048576, got ${bins}`,
      );
    }
    this.bins = bins;
  }

  /** Counts by bin, float32; parts of a count where the range has grown. */
  get histogram(): Float32Array {
    return this.counts ?? new Float32Array(this.bins);
  }

  override get isEmpty(): boolean {
    return this.minVal > this.maxVal;
  }

  observe(x: Tensor): Tensor {
    const values = floatTensor(this.typeName, x);
    const range = rangeOf(values);
    const batch = { min: range.min[0] as number, max: range.max[0] as number };
    if (batch.min > batch.max) return x; // Nothing finite.
    const joint = this.jointRange(batch);
    const counts = F.histc(values, { bins: this.bins, ...joint }).raw.data;
    // PyTorch gives a lone value's bin the weight of the new batch, whatever its own was.
    this.add(counts, joint, sum(counts));
    return x;
  }

  /**
   * Adds the other's histogram, and is exact where both have one range. Elsewhere bins are dealt out over
   * the joint range in sixteenths: no count is lost, and each moves by at most one bin of it.
   */
  protected override mergeState(other: this): void {
    const { minVal: min, maxVal: max } = other;
    if (min > max) return;
    const joint = this.jointRange({ min, max });
    this.add(other.histogramOver(joint, sum(other.histogram)), joint, sum(this.histogram));
  }

  private jointRange({ min, max }: Bounds): Bounds {
    return { min: Math.min(this.minVal, min), max: Math.max(this.maxVal, max) };
  }

  /** Adds counts over a range that holds all seen before, whose own counts are dealt out over it. */
  private add(counts: Float32Array, joint: Bounds, weightOfLone: number): void {
    const first = this.minVal > this.maxVal;
    const old = first ? null : this.histogramOver(joint, weightOfLone);
    this.counts = old === null ? counts : counts.map((count, i) => count + (old[i] as number));
    this.minVal = joint.min;
    this.maxVal = joint.max;
  }

  /** The counts over the joint range. Where only one value was seen, its bin gets `weightOfLone`. */
  private histogramOver(joint: Bounds, weightOfLone: number): Float32Array {
    const { minVal: min, maxVal: max, histogram, bins } = this;
    if (joint.min === min && joint.max === max) return histogram;
    if (min !== max) return rebin(histogram, { min, max }, joint);
    const lone = F.histc(new Tensor(Float32Array.of(min)), { bins, ...joint }).raw.data;
    return lone.map((count) => count * weightOfLone);
  }

  /** The range that codes are laid over, from a histogram of at least two different values. */
  protected abstract chooseRange(): Bounds;

  calculateQParams(): ObservedQParams {
    const { minVal, maxVal } = this;
    const { min, max } = minVal < maxVal ? this.chooseRange() : { min: minVal, max: maxVal };
    return this.qparamsOf({ min: Float32Array.of(min), max: Float32Array.of(max) }, null);
  }

  reset(): void {
    this.minVal = Number.POSITIVE_INFINITY;
    this.maxVal = Number.NEGATIVE_INFINITY;
    this.counts = null;
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
        `[${this.typeName}.fromJSON] expected min, max and ${this.bins} counts in the state`,
      );
    }
    this.minVal = min;
    this.maxVal = max;
    this.counts = Float32Array.from(histogram);
  }
}

function sum(counts: Float32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
