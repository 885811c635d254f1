import { QSCHEMES } from '../qscheme.js';
import { uniformQParams } from '../uniform-qparams.js';
import { BinnedObserver, type HistogramObserverOptions } from './binned-observer.js';
import { searchRange } from './range-search.js';
import { squaredError } from './squared-error.js';

interface Range {
  readonly min: number;
  readonly max: number;
}

/** Steps of the first grid along each end of the range. */
const STEPS = 24;
/** Times that the step is halved around the best range afterwards. */
const HALVINGS = 7;

/**
 * A histogram of everything seen, and of all ranges the one whose codes lose least of it: the squared error is that of
 * the very codes in force, their number (128 with `reduceRange`) and their rounded zero point among it, where PyTorch's
 * `HistogramObserver` always measures 256 levels and stops at the first range that is worse than the one before.
 */
export class MSEObserver extends BinnedObserver {
  static override readonly typeName = 'MSEObserver';

  constructor(options: HistogramObserverOptions = {}) {
    super(options);
  }

  protected override chooseRange(): Range {
    const { histogram, minVal, maxVal } = this;
    // What both other observers would choose is among the candidates.
    let best: Range = { min: minVal, max: maxVal };
    let least = this.errorOf(best);
    const consider = (range: Range) => {
      const error = this.errorOf(range);
      if (error < least) [best, least] = [range, error];
    };
    consider(searchRange(histogram, minVal, maxVal));
    const whole = this.reach();
    const step = { min: whole.min / STEPS, max: whole.max / STEPS };
    // An end at 0 stays there: codes always reach 0.
    for (let i = whole.min === 0 ? STEPS : 0; i <= STEPS; i++) {
      for (let j = whole.max === 0 ? STEPS : 0; j <= STEPS; j++) consider({ min: step.min * i, max: step.max * j });
    }
    for (let halving = 1; halving <= HALVINGS; halving++) {
      const { min, max } = best;
      const [left, right] = [step.min / 2 ** halving, step.max / 2 ** halving];
      for (const i of [-1, 0, 1]) {
        for (const j of [-1, 0, 1]) {
          consider({ min: clip(min + i * left, whole.min, 0), max: clip(max + j * right, 0, whole.max) });
        }
      }
    }
    return best;
  }

  /** The widest range worth a look. Symmetric codes know only the larger end, so their search has one. */
  private reach(): Range {
    const { minVal, maxVal } = this;
    if (QSCHEMES[this.qscheme].symmetric) return { min: 0, max: Math.max(-minVal, maxVal) };
    return { min: Math.min(minVal, 0), max: Math.max(maxVal, 0) };
  }

  private errorOf({ min, max }: Range): number {
    const { scales, zeroPoints } = uniformQParams({ min: Float32Array.of(min), max: Float32Array.of(max) }, this);
    const codes = { scale: scales[0] as number, zeroPoint: zeroPoints[0] as number };
    const { histogram, minVal, maxVal, quantMin, quantMax } = this;
    return squaredError(histogram, minVal, maxVal, { ...codes, quantMin, quantMax });
  }
}

function clip(x: number, low: number, high: number): number {
  return Math.min(Math.max(x, low), high);
}
