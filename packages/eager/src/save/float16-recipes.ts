import { Float16Linear } from '../float16/linear.js';
import { Float16GRU, Float16LSTM } from '../float16/rnn.js';
import { Float16GRUCell, Float16LSTMCell, Float16RNNCell } from '../float16/rnn-cells.js';
import type { registerModule } from './module-registry.js';

/** @internal Modules with float16 weights: built as their float forms are. */
export function registerFloat16(register: typeof registerModule): void {
  register(Float16Linear, {
    config: ({ inFeatures, outFeatures, bias }) => ({ inFeatures, outFeatures, bias: bias !== null }),
    build: ({ inFeatures, outFeatures, bias }) => new Float16Linear(inFeatures, outFeatures, { bias }),
  });
  register(Float16LSTM, {
    config: ({ inputSize, hiddenSize, options }) => ({ inputSize, hiddenSize, ...options }),
    build: ({ inputSize, hiddenSize, ...options }) => new Float16LSTM(inputSize, hiddenSize, options),
  });
  register(Float16GRU, {
    config: ({ inputSize, hiddenSize, options }) => ({ inputSize, hiddenSize, ...options }),
    build: ({ inputSize, hiddenSize, ...options }) => new Float16GRU(inputSize, hiddenSize, options),
  });
  register(Float16LSTMCell, {
    config: ({ inputSize, hiddenSize, bias }) => ({ inputSize, hiddenSize, bias }),
    build: ({ inputSize, hiddenSize, bias }) => new Float16LSTMCell(inputSize, hiddenSize, { bias }),
  });
  register(Float16GRUCell, {
    config: ({ inputSize, hiddenSize, bias }) => ({ inputSize, hiddenSize, bias }),
    build: ({ inputSize, hiddenSize, bias }) => new Float16GRUCell(inputSize, hiddenSize, { bias }),
  });
  register(Float16RNNCell, {
    config: ({ inputSize, hiddenSize, bias, nonlinearity }) => ({ inputSize, hiddenSize, bias, nonlinearity }),
    build: ({ inputSize, hiddenSize, ...options }) => new Float16RNNCell(inputSize, hiddenSize, options),
  });
}
