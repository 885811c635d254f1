// The public names of @octavo/eager. Anything not listed here may change without notice.

export type { DynamicSpec } from './convert/dynamic-spec.js';
export type { ModuleClass } from './convert/module-class.js';
export { type QuantizeDynamicOptions, quantizeDynamic } from './convert/quantize-dynamic.js';
export { swapModule } from './convert/swap-module.js';
export { DYNAMIC_SWAPS, type Swap, type SwapTable } from './convert/swap-table.js';
export type { WeightDType } from './convert/weight-dtype.js';
export { DynamicQuantizedLinear, type DynamicQuantizedLinearConfig } from './dynamic/linear.js';
export { DynamicQuantizedGRU, DynamicQuantizedLSTM, type DynamicQuantizedRNNConfig } from './dynamic/rnn.js';
export {
  type DynamicQuantizedCellConfig,
  DynamicQuantizedGRUCell,
  DynamicQuantizedLSTMCell,
  DynamicQuantizedRNNCell,
  type DynamicQuantizedRNNCellConfig,
} from './dynamic/rnn-cells.js';
export type { PackedTableConfig, TableDType } from './embedding/packed-table.js';
export { QuantizedEmbedding } from './embedding/quantized-embedding.js';
export { QuantizedEmbeddingBag, type QuantizedEmbeddingBagConfig } from './embedding/quantized-embedding-bag.js';
export { Float16Linear } from './float16/linear.js';
export { Float16GRU, Float16LSTM } from './float16/rnn.js';
export { Float16GRUCell, Float16LSTMCell, Float16RNNCell } from './float16/rnn-cells.js';

export { coverage } from './report/coverage.js';
export { print } from './report/print.js';

export { loadQuantized } from './save/load-quantized.js';
export { modelSize } from './save/model-size.js';
export { type Json, type ModuleRecipe, registerModule } from './save/module-registry.js';
export { saveQuantized } from './save/save-quantized.js';
