import { OctavoError, type Tensor } from '@octavo/core';
import type { ObservedQParams } from './observed-qparams.js';
import { Observer } from './observer.js';
import type { PlaceholderDType } from './quant-range.js';

/** Observes nothing and carries a dtype, float16 by default (PyTorch's class of that name). */
export class NoopObserver extends Observer {
  static override readonly typeName = 'NoopObserver';
  readonly dtype: PlaceholderDType;

  constructor({ dtype = 'float16' }: { dtype?: PlaceholderDType } = {}) {
    super();
    this.dtype = dtype;
  }

  observe(x: Tensor): Tensor {
    return x;
  }

  calculateQParams(): ObservedQParams {
    throw new OctavoError(
      'UNSUPPORTED',
      '[NoopObserver] it observes nothing, so it has no scale and zero point; use MinMaxObserver or HistogramObserver',
    );
  }

  reset(): void {}

  protected override mergeState(): void {}

  protected override optionsJSON(): Record<string, unknown> {
    return { dtype: this.dtype };
  }
}
