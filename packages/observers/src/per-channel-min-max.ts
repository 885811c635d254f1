import { PerChannelObserver, type PerChannelObserverOptions } from './per-channel-observer.js';
import { widen } from './range-memory.js';

/** The smallest and largest finite value of each channel (PyTorch's class of that name): what weights use. */
export class PerChannelMinMaxObserver extends PerChannelObserver {
  static override readonly typeName = 'PerChannelMinMaxObserver';

  constructor(options: PerChannelObserverOptions = {}) {
    super(options, widen);
  }
}
