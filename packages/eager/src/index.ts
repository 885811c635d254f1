// The public names of @octavo/eager. Anything not listed here may change without notice.

export type { DynamicSpec } from './convert/dynamic-spec.js';
export type { ModuleClass } from './convert/module-class.js';
export { type QuantizeDynamicOptions, quantizeDynamic } from './convert/quantize-dynamic.js';
export { swapModule } from './convert/swap-module.js';
export { DYNAMIC_SWAPS, type Swap, type SwapTable } from './convert/swap-table.js';

export { DynamicQuantizedLinear, type DynamicQuantizedLinearConfig } from './dynamic/linear.js';
export { DynamicQuantizedGRU, DynamicQuantizedLSTM, type DynamicQuantizedRNNConfig } from './dynamic/rnn.js';
export {
  type DynamicQuantizedCellConfig,
  DynamicQuantizedGRUCell,
  DynamicQuantizedLSTMCell,
  DynamicQuantizedRNNCell,
  type DynamicQuantizedRNNCellConfig,
} from './dynamic/rnn-cells.js';

export { coverage } from './report/coverage.js';
export { print } from './report/print.js';

export { loadQuantized } from './save/load-quantized.js';
export { modelSize } from './save/model-size.js';
export { type Json, type ModuleRecipe, registerModule } from './save/module-registry.js';
export { saveQuantized } from './save/save-quantized.js';
