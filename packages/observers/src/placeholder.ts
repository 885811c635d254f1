import { OctavoError, type Tensor } from '@octavo/core';
import type { ObservedQParams } from './observed-qparams.js';
import { Observer } from './observer.js';
import { OBSERVER_DTYPES, type ObserverDType, type PlaceholderDType, quantRange } from './quant-range.js';

export interface PlaceholderObserverOptions {
  /** float32 by default. */
  dtype?: PlaceholderDType;
  /** True where the range is taken at run time. */
  isDynamic?: boolean;
  /**
   * For dynamic ranges: 7 bits instead of 8. True by default, as PyTorch's dynamic modules and graphs have it
   * (module version 4, `_choose_qparams_per_tensor(x, True)`).
   */
  reduceRange?: boolean;
  quantMin?: number;
  quantMax?: number;
}

/**
 * Sees nothing and stands for a dtype: 'quantize at run time' in dynamic qconfigs, with one range for the whole tensor
 * (PyTorch's class of that name). It has no scale and no zero point to give.
 */
export class PlaceholderObserver extends Observer {
  static override readonly typeName = 'PlaceholderObserver';
  readonly dtype: PlaceholderDType;
  readonly isDynamic: boolean;
  readonly reduceRange: boolean;
  /** The dtype's range of codes where none was given; undefined for floats. */
  readonly quantMin: number | undefined;
  readonly quantMax: number | undefined;

  constructor({ dtype = 'float32', isDynamic = false, reduceRange = true, ...range }: PlaceholderObserverOptions = {}) {
    super();
    this.dtype = dtype;
    this.isDynamic = isDynamic;
    this.reduceRange = reduceRange;
    if (OBSERVER_DTYPES.includes(dtype as ObserverDType)) {
      const { quantMin, quantMax } = quantRange(this.typeName, dtype as ObserverDType, range);
      this.quantMin = quantMin;
      this.quantMax = quantMax;
    } else if (dtype !== 'float16' && dtype !== 'float32') {
      const known = ['float16', 'float32', ...OBSERVER_DTYPES].join(', ');
      throw new OctavoError('INVALID_DTYPE', `[PlaceholderObserver] unknown dtype '${dtype}' (known: ${known})`);
    }
  }

  observe(x: Tensor): Tensor {
    return x;
  }

  calculateQParams(): ObservedQParams {
    throw new OctavoError(
      'UNSUPPORTED',
      '[PlaceholderObserver] a placeholder has no scale and zero point: dynamic ops take them at run time, and float ' +
        'types need none; for static quantization use MinMaxObserver or HistogramObserver',
    );
  }

  reset(): void {}

  protected override mergeState(): void {}

  protected override optionsJSON(): Record<string, unknown> {
    const { dtype, isDynamic, reduceRange, quantMin, quantMax } = this;
    const range = quantMin === undefined ? {} : { quantMin, quantMax };
    return { dtype, isDynamic, reduceRange, ...range };
  }
}
