// The public names of @octavo/eager. Anything not listed here may change without notice.

export type { TableDType } from '@octavo/observers';
export { compareModelOutputs } from './compare/compare-model-outputs.js';
export { compareModelStub } from './compare/compare-model-stub.js';
export { compareWeights } from './compare/compare-weights.js';
export type { ModelBatches, ModelInputs } from './compare/model-inputs.js';
export { type ConvertOptions, convert } from './convert/convert.js';
export type { DynamicSpec } from './convert/dynamic-spec.js';
export type { ModuleClass } from './convert/module-class.js';
export { type PrepareOptions, prepare } from './convert/prepare.js';
export { propagateQConfig, type QConfigSpec } from './convert/propagate-qconfig.js';
export { quantize } from './convert/quantize.js';
export { type QuantizeDynamicOptions, quantizeDynamic } from './convert/quantize-dynamic.js';
export { swapModule } from './convert/swap-module.js';
export { DYNAMIC_SWAPS, type Swap, type SwapTable } from './convert/swap-table.js';
export type { WeightDType } from './convert/weight-dtype.js';
export { DynamicQuantizedLinear, type DynamicQuantizedLinearConfig } from './dynamic/linear.js';
export { type AttentionConfig, DynamicQuantizedMultiheadAttention } from './dynamic/multihead-attention.js';
export { DynamicQuantizedGRU, DynamicQuantizedLSTM, type DynamicQuantizedRNNConfig } from './dynamic/rnn.js';
export {
  type DynamicQuantizedCellConfig,
  DynamicQuantizedGRUCell,
  DynamicQuantizedLSTMCell,
  DynamicQuantizedRNNCell,
  type DynamicQuantizedRNNCellConfig,
} from './dynamic/rnn-cells.js';
export type { PackedTableConfig } from './embedding/packed-table.js';
export { QuantizedEmbedding } from './embedding/quantized-embedding.js';
export { QuantizedEmbeddingBag, type QuantizedEmbeddingBagConfig } from './embedding/quantized-embedding-bag.js';
export { Float16Linear } from './float16/linear.js';
export { Float16GRU, Float16LSTM } from './float16/rnn.js';
export { Float16GRUCell, Float16LSTMCell, Float16RNNCell } from './float16/rnn-cells.js';
export { type FuseNames, type FuseOptions, fuseModules } from './fuse/fuse-modules.js';
export { Fused, type FusedActivation, FusedBatchNorm, FusedConv, type FusedKind, FusedLinear } from './fuse/fused.js';

export { FakeQuantizedConv } from './qat/conv.js';
export { FakeQuantized, type FakeQuantizedOptions, type Gradients } from './qat/fake-quantized.js';
export { FakeQuantizedLinear } from './qat/linear.js';
export { prepareQat } from './qat/prepare-qat.js';
export { QAT_SWAPS } from './qat/swaps.js';

export { QuantizableLSTM, type QuantizableLSTMConfig } from './quantizable/lstm.js';
export { QuantizableLSTMCell } from './quantizable/lstm-cell.js';
export { QuantizableMultiheadAttention } from './quantizable/multihead-attention.js';
export { QUANTIZABLE_SWAPS } from './quantizable/swaps.js';

export { type CoverageOptions, coverage } from './report/coverage.js';
export { print } from './report/print.js';

export { loadQuantized } from './save/load-quantized.js';
export { modelSize } from './save/model-size.js';
export { type Json, type ModuleRecipe, registerModule } from './save/module-registry.js';
export { saveQuantized } from './save/save-quantized.js';

export { CODE_FUNCTIONS, type CodeFunction } from './static/code-functions.js';
export { OnCodes, type OnCodesOptions } from './static/on-codes.js';
export { QuantizedConv, type QuantizedConvConfig } from './static/quantized-conv.js';
export { QuantizedLinear, type QuantizedLinearConfig } from './static/quantized-linear.js';
export { STATIC_SWAPS } from './static/swaps.js';

export { FloatFunctional, QFunctional } from './stubs/float-functional.js';
export { DeQuantize, DeQuantStub, Quantize, QuantStub } from './stubs/quant-stub.js';
export { QuantWrapper } from './stubs/quant-wrapper.js';
