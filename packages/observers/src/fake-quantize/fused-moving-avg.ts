import { FakeQuantize } from './fake-quantize.js';

/**
 * A `FakeQuantize` over moving averages (PyTorch's class of that name, what `getDefaultQatQConfig` uses). PyTorch
 * computes it in one kernel, whose scale in training follows the rule of dynamic ops and not the observer's rule that
 * conversion follows; here both are the observer's, so that training sees the numbers of the converted model.
 */
export class FusedMovingAvgObsFakeQuantize extends FakeQuantize {
  static override readonly typeName = 'FusedMovingAvgObsFakeQuantize';

  protected override get observerNames(): readonly string[] {
    return ['MovingAverageMinMaxObserver', 'MovingAveragePerChannelMinMaxObserver'];
  }
}
