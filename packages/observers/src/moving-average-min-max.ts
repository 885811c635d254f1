import { PerTensorObserver } from './per-tensor-observer.js';
import { checkAveragingConstant, movingAverage, refuseToMerge } from './range-memory.js';
import type { UniformObserverOptions } from './uniform-observer.js';

export interface MovingAverageObserverOptions extends UniformObserverOptions {
  /** Share of a new batch in the average, above 0 and at most 1; 0.01 by default, and 1 means the last batch alone. */
  averagingConstant?: number;
}

/** Moving averages of each batch's minimum and maximum, the first batch as it is (PyTorch's class of that name). */
export class MovingAverageMinMaxObserver extends PerTensorObserver {
  static override readonly typeName = 'MovingAverageMinMaxObserver';
  readonly averagingConstant: number;

  constructor(options: MovingAverageObserverOptions = {}) {
    const { averagingConstant = 0.01 } = options;
    super(options, movingAverage(averagingConstant));
    this.averagingConstant = checkAveragingConstant(this.typeName, averagingConstant);
  }

  protected override mergeState(): void {
    refuseToMerge(this.typeName, 'MinMaxObserver');
  }

  protected override optionsJSON(): Record<string, unknown> {
    return { ...super.optionsJSON(), averagingConstant: this.averagingConstant };
  }
}
