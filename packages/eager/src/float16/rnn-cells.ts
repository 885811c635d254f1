import { nn } from '@octavo/core';
import { float16Layer, narrowInto, narrowOwnWeights } from './narrow-weights.js';

/**
 * An `nn.LSTMCell` with float16 weights and float32 arithmetic: PyTorch's `DynamicQuantizedLSTMCell` of dtype float16.
 */
export class Float16LSTMCell extends nn.LSTMCell {
  constructor(inputSize: number, hiddenSize: number, options: nn.RNNCellOptions = {}) {
    super(inputSize, hiddenSize, options);
    narrowOwnWeights(this);
  }

  /** The float16 form of a float cell. */
  static fromFloat(cell: nn.LSTMCell): Float16LSTMCell {
    return narrowInto(
      nn.skipInit(() => new Float16LSTMCell(cell.inputSize, cell.hiddenSize, cell)),
      cell,
    );
  }

  override get typeName(): string {
    return 'DynamicQuantizedLSTMCell';
  }

  protected override linears(): nn.RecurrentLayer {
    return float16Layer(this);
  }
}

/**
 * An `nn.GRUCell` with float16 weights and float32 arithmetic: PyTorch's `DynamicQuantizedGRUCell` of dtype float16.
 */
export class Float16GRUCell extends nn.GRUCell {
  constructor(inputSize: number, hiddenSize: number, options: nn.RNNCellOptions = {}) {
    super(inputSize, hiddenSize, options);
    narrowOwnWeights(this);
  }

  /** The float16 form of a float cell. */
  static fromFloat(cell: nn.GRUCell): Float16GRUCell {
    return narrowInto(
      nn.skipInit(() => new Float16GRUCell(cell.inputSize, cell.hiddenSize, cell)),
      cell,
    );
  }

  override get typeName(): string {
    return 'DynamicQuantizedGRUCell';
  }

  protected override linears(): nn.RecurrentLayer {
    return float16Layer(this);
  }
}

/**
 * An `nn.RNNCell` with float16 weights and float32 arithmetic: PyTorch's `DynamicQuantizedRNNCell` of dtype float16.
 */
export class Float16RNNCell extends nn.RNNCell {
  constructor(
    inputSize: number,
    hiddenSize: number,
    options: nn.RNNCellOptions & { nonlinearity?: nn.Nonlinearity } = {},
  ) {
    super(inputSize, hiddenSize, options);
    narrowOwnWeights(this);
  }

  /** The float16 form of a float cell. */
  static fromFloat(cell: nn.RNNCell): Float16RNNCell {
    return narrowInto(
      nn.skipInit(() => new Float16RNNCell(cell.inputSize, cell.hiddenSize, cell)),
      cell,
    );
  }

  override get typeName(): string {
    return 'DynamicQuantizedRNNCell';
  }

  protected override linears(): nn.RecurrentLayer {
    return float16Layer(this);
  }
}
