import { OctavoError } from '../errors.js';
import * as F from '../functional.js';
import { formatDims } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { checkSize } from './linear.js';
import { type AnyForward, Module } from './module.js';
import type { RecurrentLayer } from './recurrent-layer.js';
import type { RecurrentMode } from './recurrent-modes.js';

/** Options of cells. */
export interface RNNCellOptions {
  bias?: boolean;
}

/**
 * Sizes, checks and the one step of a recurrent cell, float or quantized: x [batch, in] float32, or [in] for a single
 * one, and states of the same form, [batch, hidden] or [hidden].
 */
export abstract class RNNCellBase<F extends AnyForward = AnyForward> extends Module<F> {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly bias: boolean;

  constructor(inputSize: number, hiddenSize: number, { bias = true }: RNNCellOptions = {}) {
    super();
    checkSize(new.target.name, 'inputSize', inputSize);
    checkSize(new.target.name, 'hiddenSize', hiddenSize);
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.bias = bias;
  }

  /** Gates and states of a step. */
  protected abstract get mode(): RecurrentMode;

  /** The two linears. */
  protected abstract linears(): RecurrentLayer;

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.bias ? '' : ', bias=False'}`;
  }

  /** One step from given states, or from zeros. */
  protected run(x: Tensor, given: readonly Tensor[] | null): Tensor[] {
    const { dims } = x;
    if (dims.length < 1 || dims.length > 2 || dims.at(-1) !== this.inputSize) {
      const expected = `x [batch, ${this.inputSize}] or [${this.inputSize}]`;
      throw new OctavoError('INVALID_SHAPE', `[${this.typeName}] expected ${expected}, got ${formatDims(dims)}`);
    }
    const single = dims.length === 1;
    const batched = (each: Tensor): Tensor => (single ? F.unsqueeze(each, 0) : each);
    const expected = [...dims.slice(0, -1), this.hiddenSize];
    const state = this.mode.states.map((name, i) => {
      const each = given?.[i];
      if (each !== undefined && each.raw.dims.join() !== expected.join()) {
        throw new OctavoError(
          'INVALID_SHAPE',
          `[${this.typeName}] expected ${name} ${formatDims(expected)}, got ${formatDims(each.raw.dims)}`,
        );
      }
      return batched(each ?? Tensor.zeros(expected));
    });
    const { input, hidden } = this.linears();
    const next = this.mode.step(input(batched(x)), hidden(state[0] as Tensor), state);
    return single ? next.map((each) => F.select(each, 0, 0)) : next;
  }
}
