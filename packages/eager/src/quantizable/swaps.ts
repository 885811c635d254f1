import { nn } from '@octavo/core';
import type { Swap, SwapTable } from '../convert/swap-table.js';
import { QuantizableLSTM } from './lstm.js';
import { QuantizableMultiheadAttention } from './multihead-attention.js';

const attention: Swap<nn.MultiheadAttention, QuantizableMultiheadAttention> = {
  float: nn.MultiheadAttention,
  quantized: QuantizableMultiheadAttention,
  fromFloat: (module) => new QuantizableMultiheadAttention(module),
  describe: () => 'static: linears on codes, heads in float',
};

const lstm: Swap<nn.LSTM, QuantizableLSTM> = {
  float: nn.LSTM,
  quantized: QuantizableLSTM,
  fromFloat: (module) => new QuantizableLSTM(module),
  describe: () => 'static: cells on codes',
};

/**
 * Float modules that `prepare` takes apart before it puts observers on: PyTorch's custom modules. What takes their
 * place is made of modules that `STATIC_SWAPS` has rows for.
 */
export const QUANTIZABLE_SWAPS = [attention, lstm] as unknown as SwapTable;
