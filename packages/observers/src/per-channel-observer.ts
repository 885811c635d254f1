import { checkAxis, formatDims, OctavoError, type Tensor } from '@octavo/core';
import { floatTensor } from './float-tensor.js';
import type { ObservedQParams } from './observed-qparams.js';
import { type JoinRanges, rangeFromJSON, rangeToJSON } from './range-memory.js';
import { rangeOf } from './ranges.js';
import { UniformObserver, type UniformObserverOptions } from './uniform-observer.js';
import type { Range } from './uniform-qparams.js';

export interface PerChannelObserverOptions extends UniformObserverOptions {
  /** The axis whose indices have a range each; 0, the output channels of weights, by default. */
  chAxis?: number;
}

const UNSEEN: Range = { min: new Float32Array(0), max: new Float32Array(0) };

/** Base of the observers that remember one range for each index of an axis. */
export abstract class PerChannelObserver extends UniformObserver {
  readonly chAxis: number;
  protected range: Range = UNSEEN;

  constructor(
    options: PerChannelObserverOptions,
    private readonly join: JoinRanges,
  ) {
    super(options, { perChannel: true });
    const { chAxis = 0 } = options;
    if (!Number.isInteger(chAxis) || chAxis < 0) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${this.typeName}] chAxis must be an integer of 0 or more, got ${chAxis}`,
      );
    }
    this.chAxis = chAxis;
  }

  /** The smallest value of each channel; empty before any tensor. */
  get minVal(): Float32Array {
    return this.range.min;
  }

  /** The largest value of each channel; empty before any tensor. */
  get maxVal(): Float32Array {
    return this.range.max;
  }

  override get isEmpty(): boolean {
    return this.range.min.length === 0;
  }

  observe(x: Tensor): Tensor {
    const { data, dims } = x.raw;
    if (data.length === 0) return x;
    const axis = checkAxis(this.chAxis, dims.length, this.typeName);
    this.take(rangeOf(floatTensor(this.typeName, x), axis), formatDims(dims));
    return x;
  }

  calculateQParams(): ObservedQParams {
    return this.qparamsOf(this.range, this.chAxis);
  }

  reset(): void {
    this.range = UNSEEN;
  }

  protected override optionsJSON(): Record<string, unknown> {
    return { ...super.optionsJSON(), chAxis: this.chAxis };
  }

  protected override mergeState(other: this): void {
    this.take(other.range, String(other.range.min.length));
  }

  /** Joins ranges with those seen, once the channels agree. */
  private take(ranges: Range, got: string): void {
    const [before, now] = [this.range.min.length, ranges.min.length];
    if (before !== 0 && now !== 0 && before !== now) {
      throw new OctavoError(
        'INVALID_SHAPE',
        `[${this.typeName}] expected ${before} channels along axis ${this.chAxis} as seen before, got ${got}; ` +
          'one observer serves one tensor of the model',
      );
    }
    if (before === 0) this.range = ranges;
    else if (now !== 0) this.range = this.join(this.range, ranges);
  }

  protected override stateJSON(): Record<string, unknown> {
    return rangeToJSON(this.range);
  }

  protected override loadStateJSON(state: Readonly<Record<string, unknown>>): void {
    this.range = rangeFromJSON(this.typeName, state);
  }
}
