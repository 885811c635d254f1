import { OctavoError } from '@octavo/core';
import { QSCHEMES } from '../qscheme.js';
import { BinnedObserver, type HistogramObserverOptions } from './binned-observer.js';

export interface PercentileObserverOptions extends HistogramObserverOptions {
  /** Percent of the values that lie within the range: above 0, at most 100; 99.999 by default. */
  percentile?: number;
}

/**
 * A histogram of everything seen, of which half the rest beyond `percentile` is cut off at either side, or, with a
 * symmetric qscheme, the largest magnitudes (ONNX Runtime, onnxruntime/python/tools/quantization/calibrate.py,
 * `compute_percentile`). Ends are edges of bins: each is the lower edge of the bin in which the share is reached.
 */
export class PercentileObserver extends BinnedObserver {
  static override readonly typeName = 'PercentileObserver';
  readonly percentile: number;

  constructor(options: PercentileObserverOptions = {}) {
    super(options);
    const { percentile = 99.999 } = options;
    if (!(percentile > 0 && percentile <= 100)) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[PercentileObserver] percentile must lie above 0 and at most at 100, got ${percentile}`,
      );
    }
    this.percentile = percentile;
  }

  protected override chooseRange(): { min: number; max: number } {
    const { minVal, maxVal, percentile } = this;
    if (percentile === 100) return { min: minVal, max: maxVal };
    if (QSCHEMES[this.qscheme].symmetric) {
      const max = this.magnitude(percentile / 100);
      return { min: Math.max(-max, minVal), max: Math.min(max, maxVal) };
    }
    const cut = (100 - percentile) / 200;
    return { min: this.edgeWhere(cut), max: this.edgeWhere(1 - cut) };
  }

  private edgeWhere(share: number): number {
    const { histogram, minVal, maxVal, bins } = this;
    return minVal + ((maxVal - minVal) / bins) * binWhere(histogram, share);
  }

  /** The edge of magnitudes: bins folded at 0, each at the magnitude of its middle, into bins over [0, largest]. */
  private magnitude(share: number): number {
    const { histogram, minVal, maxVal, bins } = this;
    const largest = Math.max(-minVal, maxVal);
    const folded = new Float64Array(bins);
    histogram.forEach((count, i) => {
      const middle = Math.abs(minVal + ((maxVal - minVal) / bins) * (i + 0.5));
      folded[Math.min(Math.floor((middle / largest) * bins), bins - 1)]! += count;
    });
    return (largest / bins) * binWhere(folded, share);
  }

  protected override optionsJSON(): Record<string, unknown> {
    return { ...super.optionsJSON(), percentile: this.percentile };
  }
}

/** The first bin up to whose end this share of all counts lies. */
function binWhere(counts: ArrayLike<number>, share: number): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i] as number;
  let below = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    below += counts[bin] as number;
    if (below >= share * total) return bin;
  }
  return counts.length - 1;
}
