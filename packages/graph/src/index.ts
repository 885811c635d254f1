// The public names of @octavo/graph. Anything not listed here may change without notice.

export {
  type AccuracyControlled,
  type AccuracyControlOptions,
  quantizeWithAccuracyControl,
} from './accuracy/accuracy-control.js';
export { type AccuracyReport, type AccuracyTrial, renderAccuracyReport } from './accuracy/accuracy-report.js';
export type { QuantizerGroup } from './accuracy/quantizer-groups.js';
export { type SensitivityOptions, type SensitivityRow, sensitivity } from './accuracy/sensitivity.js';
export { compareActivations } from './compare/compare-activations.js';
export {
  compareDebug,
  type DebugComparison,
  type DebugDifference,
  renderDebugComparison,
} from './compare/compare-debug.js';
export { compareShadow } from './compare/compare-shadow.js';
export { compareWeights } from './compare/compare-weights.js';
export { loadGraph } from './file/load-graph.js';
export { graphSizeBytes, saveGraph } from './file/save-graph.js';
export { type AdaRoundOptions, adaRound } from './improve/ada-round.js';
export { type CorrectBiasOptions, correctBias } from './improve/correct-bias.js';
export { type EqualizeOptions, equalizeLayers } from './improve/equalize-layers.js';
export { quantizeAttention } from './improve/quantize-attention.js';
export { type SmoothQuantOptions, smoothQuant } from './improve/smooth-quant.js';
export type { Attributes, AttributeValue } from './ir/attributes.js';
export { Graph, type GraphOutput, type GraphStage } from './ir/graph.js';
export type { Node, NodeSpec, OutputSpec } from './ir/node.js';
export type { ObserverSpec } from './ir/observer-spec.js';
export type { AttributeTensor } from './ir/read-attribute.js';
export type { Use, Value } from './ir/value.js';
export type { ElementType, PackedType, TensorType, ValueType } from './ir/value-type.js';
export { verify } from './ir/verify.js';
export { type Lowered, lower, type OutputSource } from './lower/lower.js';
export { type DynamicAxes, type ExportOnnxOptions, exportOnnx } from './onnx/export/export-onnx.js';
export { type ImportOnnxOptions, importOnnx } from './onnx/import-onnx.js';
export type { Pass } from './passes/pass.js';
export { type GraphGradients, type TrainingStep, trainingStep } from './qat/training-step.js';
export { calibrate } from './quantize/calibrate.js';
export { type ConvertOptions, convert, convertDynamic } from './quantize/convert.js';
export { coverage } from './quantize/coverage.js';
export { prepare } from './quantize/prepare.js';
export { type InplaceOption, prepareDynamic } from './quantize/prepare-dynamic.js';
export { prepareQat } from './quantize/prepare-qat.js';
export { quantize } from './quantize/quantize.js';
export { quantizeDynamic } from './quantize/quantize-dynamic.js';
export type { Feeds } from './run/check-feeds.js';
export type { Batches, BatchOptions } from './run/each-batch.js';
export type { TraceInputs } from './trace/named-tensors.js';
export { type Traceable, trace } from './trace/trace.js';
export { toDot } from './view/dot.js';
export { toHtml } from './view/html.js';
export { type QParamsRow, qparamsOf } from './view/qparams.js';
