import { type F, nn } from '@octavo/core';
import { float16Weights, narrowInto, narrowOwnWeights } from './narrow-weights.js';

/** An `nn.LSTM` with float16 weights and float32 arithmetic: PyTorch's `DynamicQuantizedLSTM` of dtype float16. */
export class Float16LSTM extends nn.LSTM {
  constructor(inputSize: number, hiddenSize: number, options: nn.RNNOptions = {}) {
    super(inputSize, hiddenSize, options);
    narrowOwnWeights(this);
  }

  /** The float16 form of a float LSTM, projections included. */
  static fromFloat(lstm: nn.LSTM): Float16LSTM {
    const half = nn.skipInit(() => new Float16LSTM(lstm.inputSize, lstm.hiddenSize, lstm.options));
    return narrowInto(half, lstm);
  }

  override get typeName(): string {
    return 'DynamicQuantizedLSTM';
  }

  protected override weights(suffix: string): F.RecurrentWeights {
    return float16Weights(this, suffix);
  }
}

/** An `nn.GRU` with float16 weights and float32 arithmetic: PyTorch's `DynamicQuantizedGRU` of dtype float16. */
export class Float16GRU extends nn.GRU {
  constructor(inputSize: number, hiddenSize: number, options: nn.GRUOptions = {}) {
    super(inputSize, hiddenSize, options);
    narrowOwnWeights(this);
  }

  /** The float16 form of a float GRU. */
  static fromFloat(gru: nn.GRU): Float16GRU {
    const half = nn.skipInit(() => new Float16GRU(gru.inputSize, gru.hiddenSize, gru.options));
    return narrowInto(half, gru);
  }

  override get typeName(): string {
    return 'DynamicQuantizedGRU';
  }

  protected override weights(suffix: string): F.RecurrentWeights {
    return float16Weights(this, suffix);
  }
}
