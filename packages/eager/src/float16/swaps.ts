import { type Module, nn } from '@octavo/core';
import type { Swap } from '../convert/swap-table.js';
import { Float16Linear } from './linear.js';
import { Float16GRU, Float16LSTM } from './rnn.js';
import { Float16GRUCell, Float16LSTMCell, Float16RNNCell } from './rnn-cells.js';

/** The float16 form of a class; multiply-adds are those of its int8 row. */
function float16<M extends Module>(
  float: Swap<M>['float'],
  quantized: Swap<M, M>['quantized'] & { fromFloat(module: M): M },
): Swap {
  const swap: Swap<M, M> = {
    float,
    quantized,
    dtypes: ['float16'],
    precision: () => 'float16',
    fromFloat: (module) => quantized.fromFloat(module),
    describe: () => 'float16 weights, float32 arithmetic',
  };
  return swap as unknown as Swap;
}

/** The rows of dtype float16. */
export const FLOAT16_SWAPS: readonly Swap[] = [
  float16(nn.Linear, Float16Linear),
  float16(nn.LSTM, Float16LSTM),
  float16(nn.GRU, Float16GRU),
  float16(nn.LSTMCell, Float16LSTMCell),
  float16(nn.GRUCell, Float16GRUCell),
  float16(nn.RNNCell, Float16RNNCell),
];
