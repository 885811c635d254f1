import { BinnedObserver, type HistogramObserverOptions } from './binned-observer.js';
import { searchRange } from './range-search.js';

/**
 * A histogram of everything seen, whose range is cut where that lowers the squared error (PyTorch's class of that name,
 * the algorithm of version 2.5).
 */
export class HistogramObserver extends BinnedObserver {
  static override readonly typeName = 'HistogramObserver';

  constructor(options: HistogramObserverOptions = {}) {
    super(options);
  }

  protected override chooseRange(): { min: number; max: number } {
    return searchRange(this.histogram, this.minVal, this.maxVal);
  }
}
