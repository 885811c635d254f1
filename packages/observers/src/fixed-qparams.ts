import { OctavoError, type Tensor } from '@octavo/core';
import { ObservedQParams } from './observed-qparams.js';
import { Observer } from './observer.js';
import { type ObserverDType, quantRange } from './quant-range.js';

export interface FixedQParamsObserverOptions {
  scale: number;
  zeroPoint: number;
  dtype?: ObserverDType;
  quantMin?: number;
  quantMax?: number;
}

/**
 * The scale and zero point it was made with, whatever it sees (PyTorch's class of that name): for ops whose outputs
 * have a known range, such as sigmoid and softmax (1/256, 0) and tanh (2/256, 128).
 */
export class FixedQParamsObserver extends Observer {
  static override readonly typeName = 'FixedQParamsObserver';
  readonly dtype: ObserverDType;
  readonly scale: number;
  readonly zeroPoint: number;
  readonly quantMin: number;
  readonly quantMax: number;

  constructor(options?: FixedQParamsObserverOptions) {
    super();
    const { scale, zeroPoint, dtype = 'quint8', ...range } = options ?? ({} as FixedQParamsObserverOptions);
    const { quantMin, quantMax } = quantRange(this.typeName, dtype, range);
    if (!(Math.fround(scale) > 0) || !Number.isFinite(Math.fround(scale))) {
      throw new OctavoError('INVALID_ARGUMENT', `[FixedQParamsObserver] scale must be a positive number, got ${scale}`);
    }
    if (!Number.isInteger(zeroPoint) || zeroPoint < quantMin || zeroPoint > quantMax) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[FixedQParamsObserver] zeroPoint must be an integer from ${quantMin} to ${quantMax}, got ${zeroPoint}`,
      );
    }
    this.dtype = dtype;
    this.scale = Math.fround(scale);
    this.zeroPoint = zeroPoint;
    this.quantMin = quantMin;
    this.quantMax = quantMax;
  }

  observe(x: Tensor): Tensor {
    return x;
  }

  calculateQParams(): ObservedQParams {
    const { dtype, quantMin, quantMax } = this;
    const [scales, zeroPoints] = [Float32Array.of(this.scale), Int32Array.of(this.zeroPoint)];
    return new ObservedQParams({ dtype, quantMin, quantMax, scales, zeroPoints, axis: null });
  }

  reset(): void {}

  protected override mergeState(): void {}

  protected override optionsJSON(): Record<string, unknown> {
    const { scale, zeroPoint, dtype, quantMin, quantMax } = this;
    return { scale, zeroPoint, dtype, quantMin, quantMax };
  }
}
