import type { ObservedQParams } from '../observed-qparams.js';
import { FakeQuantize } from './fake-quantize.js';

/** A `FakeQuantize` whose scale and zero point are given by its FixedQParamsObserver (PyTorch's class of that name). */
export class FixedQParamsFakeQuantize extends FakeQuantize {
  static override readonly typeName = 'FixedQParamsFakeQuantize';

  protected override get observerNames(): readonly string[] {
    return ['FixedQParamsObserver'];
  }

  protected override qparamsBefore(): ObservedQParams {
    return this.observer.calculateQParams();
  }
}
