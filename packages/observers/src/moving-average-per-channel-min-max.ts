import { PerChannelObserver, type PerChannelObserverOptions } from './per-channel-observer.js';
import { checkAveragingConstant, movingAverage, refuseToMerge } from './range-memory.js';

export interface MovingAveragePerChannelObserverOptions extends PerChannelObserverOptions {
  /** Share of a new batch in the average; 0.01 by default. */
  averagingConstant?: number;
}

/** Moving averages of each batch's range, channel by channel (PyTorch's class of that name). */
export class MovingAveragePerChannelMinMaxObserver extends PerChannelObserver {
  static override readonly typeName = 'MovingAveragePerChannelMinMaxObserver';
  readonly averagingConstant: number;

  constructor(options: MovingAveragePerChannelObserverOptions = {}) {
    const { averagingConstant = 0.01 } = options;
    super(options, movingAverage(averagingConstant));
    this.averagingConstant = checkAveragingConstant(this.typeName, averagingConstant);
  }

  protected override mergeState(): void {
    refuseToMerge(this.typeName, 'PerChannelMinMaxObserver');
  }

  protected override optionsJSON(): Record<string, unknown> {
    return { ...super.optionsJSON(), averagingConstant: this.averagingConstant };
  }
}
