import { OctavoError, type Tensor } from '@octavo/core';
import { floatTensor } from './float-tensor.js';
import type { ObservedQParams } from './observed-qparams.js';
import { type JoinRanges, rangeFromJSON, rangeToJSON } from './range-memory.js';
import { rangeOf } from './ranges.js';
import { UniformObserver, type UniformObserverOptions } from './uniform-observer.js';
import type { Range } from './uniform-qparams.js';

const UNSEEN: Range = {
  min: Float32Array.of(Number.POSITIVE_INFINITY),
  max: Float32Array.of(Number.NEGATIVE_INFINITY),
};

/** Base of the observers that remember one range for all tensors they saw. */
export abstract class PerTensorObserver extends UniformObserver {
  protected range: Range = UNSEEN;

  constructor(
    options: UniformObserverOptions,
    private readonly join: JoinRanges,
  ) {
    super(options, { perChannel: false });
  }

  /** The smallest value seen; +Infinity before any. */
  get minVal(): number {
    return this.range.min[0] as number;
  }

  /** The largest value seen; -Infinity before any. */
  get maxVal(): number {
    return this.range.max[0] as number;
  }

  override get isEmpty(): boolean {
    return !(this.minVal <= this.maxVal);
  }

  observe(x: Tensor): Tensor {
    if (x.raw.data.length > 0) this.range = this.join(this.range, rangeOf(floatTensor(this.typeName, x)));
    return x;
  }

  calculateQParams(): ObservedQParams {
    return this.qparamsOf(this.range, null);
  }

  reset(): void {
    this.range = UNSEEN;
  }

  protected override mergeState(other: this): void {
    this.range = this.join(this.range, other.range);
  }

  protected override stateJSON(): Record<string, unknown> {
    return rangeToJSON(this.range);
  }

  protected override loadStateJSON(state: Readonly<Record<string, unknown>>): void {
    const range = rangeFromJSON(this.typeName, state);
    if (range.min.length !== 1) {
      throw new OctavoError('INVALID_DATA', `[${this.typeName}.fromJSON] expected one range, got ${range.min.length}`);
    }
    this.range = range;
  }
}
