import { chooseQParams, finiteRange, OctavoError, sizeOf, type Tensor } from '@octavo/core';
import { floatTensor } from './float-tensor.js';
import { ObservedQParams } from './observed-qparams.js';
import { Observer } from './observer.js';

export interface PerRowMinMaxObserverOptions {
  /** 7 bits instead of 8; off by default. */
  reduceRange?: boolean;
}

/**
 * One range for each row of the last tensor seen, a row being the last dimension at each leading index: the ranges of
 * our default dynamic scheme. It follows the rule of dynamic ops (core's `chooseQParams`, in double precision), not
 * that of the other observers, and has no memory: at run time each tensor has its own ranges.
 */
export class PerRowMinMaxObserver extends Observer {
  static override readonly typeName = 'PerRowMinMaxObserver';
  readonly dtype = 'quint8';
  readonly isDynamic = true;
  readonly reduceRange: boolean;
  readonly quantMin = 0;
  readonly quantMax: number;
  private rows: { scales: Float32Array; zeroPoints: Int32Array } | null = null;

  constructor({ reduceRange = false }: PerRowMinMaxObserverOptions = {}) {
    super();
    this.reduceRange = reduceRange;
    this.quantMax = reduceRange ? 127 : 255;
  }

  /** x [..., k] with at least one dimension; the ranges of its rows replace those of the tensor before. */
  observe(x: Tensor): Tensor {
    const { dims } = x.raw;
    if (dims.length === 0) {
      throw new OctavoError('INVALID_SHAPE', '[PerRowMinMaxObserver] expected x [..., k], got a tensor without dims');
    }
    const values = floatTensor(this.typeName, x).raw.data;
    const width = dims.at(-1) as number;
    const count = sizeOf(dims.slice(0, -1));
    const scales = new Float32Array(count);
    const zeroPoints = new Int32Array(count);
    for (let row = 0; row < count; row++) {
      const { min, max } = finiteRange(values, row * width, width);
      const qparams = chooseQParams(min, max, { reduceRange: this.reduceRange });
      scales[row] = qparams.scale;
      zeroPoints[row] = qparams.zeroPoint;
    }
    this.rows = { scales, zeroPoints };
    return x;
  }

  /** A pair for each row of the last tensor, along axis 0 of x seen as a matrix [rows, k]. */
  calculateQParams(): ObservedQParams {
    if (this.rows === null) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        '[PerRowMinMaxObserver] the ranges of rows belong to a tensor, and none was observed yet; call observe(x) first',
      );
    }
    const { dtype, quantMin, quantMax } = this;
    return new ObservedQParams({ dtype, quantMin, quantMax, ...this.rows, axis: 0 });
  }

  reset(): void {
    this.rows = null;
  }

  protected override mergeState(): void {
    throw new OctavoError(
      'UNSUPPORTED',
      '[PerRowMinMaxObserver.merge] its ranges belong to the rows of one tensor and cannot be joined; merge observers ' +
        'that calibrate, such as MinMaxObserver',
    );
  }

  protected override optionsJSON(): Record<string, unknown> {
    return { reduceRange: this.reduceRange };
  }
}
