import { OctavoError } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import { floatLayer, type RecurrentLayer, type RecurrentParameters, recurrentParameters } from './recurrent-layer.js';
import { RECURRENT_MODES, type RecurrentMode } from './recurrent-modes.js';
import { RNNCellBase, type RNNCellOptions } from './rnn-cell-base.js';

/** Input and, optionally, h and c -> the next h and c. */
export type LSTMCellFunction = (x: Tensor, state?: readonly [h: Tensor, c: Tensor] | null) => [h: Tensor, c: Tensor];
/** Input and, optionally, h -> the next h. */
export type HiddenCellFunction = (x: Tensor, h?: Tensor | null) => Tensor;

/** What an RNNCell puts its sum through. */
export type Nonlinearity = 'tanh' | 'relu';

/**
 * One step of an LSTM: x [batch, inputSize], h and c [batch, hiddenSize] -> the next h and c; see `LSTM` for the
 * formula. weight_ih [4 hidden, in], weight_hh [4 hidden, hidden], bias_ih and bias_hh [4 hidden].
 */
export class LSTMCell extends RNNCellBase<LSTMCellFunction> {
  [parameter: `weight_${string}` | `bias_${string}`]: Tensor;

  constructor(inputSize: number, hiddenSize: number, options: RNNCellOptions = {}) {
    super(inputSize, hiddenSize, options);
    addParameters(this, this.mode);
  }

  forward(x: Tensor, state?: readonly [h: Tensor, c: Tensor] | null): [h: Tensor, c: Tensor] {
    return this.run(x, state ?? null) as [Tensor, Tensor];
  }

  protected get mode(): RecurrentMode {
    return RECURRENT_MODES.lstm;
  }

  protected linears(): RecurrentLayer {
    return floatLayer(this as RecurrentParameters);
  }
}

/**
 * One step of a GRU: x [batch, inputSize], h [batch, hiddenSize] -> the next h; see `GRU`. weight_ih [3 hidden, in].
 */
export class GRUCell extends RNNCellBase<HiddenCellFunction> {
  [parameter: `weight_${string}` | `bias_${string}`]: Tensor;

  constructor(inputSize: number, hiddenSize: number, options: RNNCellOptions = {}) {
    super(inputSize, hiddenSize, options);
    addParameters(this, this.mode);
  }

  forward(x: Tensor, h?: Tensor | null): Tensor {
    return this.run(x, h ? [h] : null)[0] as Tensor;
  }

  protected get mode(): RecurrentMode {
    return RECURRENT_MODES.gru;
  }

  protected linears(): RecurrentLayer {
    return floatLayer(this as RecurrentParameters);
  }
}

/** An Elman step: h' = nonlinearity(W_ih x + b_ih + W_hh h + b_hh); x [batch, inputSize], h [batch, hiddenSize]. */
export class RNNCell extends RNNCellBase<HiddenCellFunction> {
  [parameter: `weight_${string}` | `bias_${string}`]: Tensor;
  readonly nonlinearity: Nonlinearity;

  constructor(
    inputSize: number,
    hiddenSize: number,
    { nonlinearity = 'tanh', ...options }: RNNCellOptions & { nonlinearity?: Nonlinearity } = {},
  ) {
    super(inputSize, hiddenSize, options);
    if (nonlinearity !== 'tanh' && nonlinearity !== 'relu') {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[RNNCell] nonlinearity must be 'tanh' or 'relu', got '${String(nonlinearity)}'`,
      );
    }
    this.nonlinearity = nonlinearity;
    addParameters(this, this.mode);
  }

  forward(x: Tensor, h?: Tensor | null): Tensor {
    return this.run(x, h ? [h] : null)[0] as Tensor;
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.nonlinearity === 'tanh' ? '' : `, nonlinearity=${this.nonlinearity}`);
  }

  protected get mode(): RecurrentMode {
    return RECURRENT_MODES[this.nonlinearity];
  }

  protected linears(): RecurrentLayer {
    return floatLayer(this as RecurrentParameters);
  }
}

function addParameters(cell: RNNCellBase, mode: RecurrentMode): void {
  const { inputSize: input, hiddenSize: hidden, bias } = cell;
  Object.assign(cell, recurrentParameters(mode, { input, hidden, bias }, ''));
}
