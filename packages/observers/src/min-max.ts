import { PerTensorObserver } from './per-tensor-observer.js';
import { widen } from './range-memory.js';
import type { UniformObserverOptions } from './uniform-observer.js';

/** The smallest and largest finite value of everything seen (PyTorch's class of that name). */
export class MinMaxObserver extends PerTensorObserver {
  static override readonly typeName = 'MinMaxObserver';

  constructor(options: UniformObserverOptions = {}) {
    super(options, widen);
  }
}
