// The public names of @octavo/observers. Anything not listed here may change without notice.

export { Comparison, type ComparisonKind, type ComparisonRow } from './compare/comparison.js';
export { comparisonJson } from './compare/comparison-json.js';
export { renderComparison } from './compare/render-comparison.js';
export { type ComparisonPageOptions, renderComparisonHtml } from './compare/render-comparison-html.js';
export type { RowOrder } from './compare/row-order.js';
export type { ValueStats } from './compare/value-stats.js';
export { type CoverageReport, type CoverageRow, coverageReport } from './coverage/coverage-report.js';
export { renderCoverage } from './coverage/render-coverage.js';
export { FakeQuantize, type FakeQuantizeOptions } from './fake-quantize/fake-quantize.js';
export { FixedQParamsFakeQuantize } from './fake-quantize/fixed-qparams.js';
export { FusedMovingAvgObsFakeQuantize } from './fake-quantize/fused-moving-avg.js';
export {
  type ConvGeometry,
  convGradients,
  type LayerGradients,
  linearGradients,
} from './fake-quantize/layer-gradients.js';
export { FixedQParamsObserver, type FixedQParamsObserverOptions } from './fixed-qparams.js';
export type { HistogramObserverOptions } from './histogram/binned-observer.js';
export { EntropyObserver } from './histogram/entropy.js';
export { HistogramObserver } from './histogram/histogram.js';
export { MSEObserver } from './histogram/mse.js';
export { PercentileObserver, type PercentileObserverOptions } from './histogram/percentile.js';
/** For the packages above this one: a warning that is given once, and parts of HTML reports. */
export { type Bar, barChart } from './html/bar-chart.js';
export { escapeHtml } from './html/escape.js';
export { htmlPage } from './html/page.js';
export type { Comparable } from './metrics/compared-values.js';
export { cosine } from './metrics/cosine.js';
export { maxAbsError } from './metrics/max-abs-error.js';
export { sqnr } from './metrics/sqnr.js';
export { MinMaxObserver } from './min-max.js';
export { MovingAverageMinMaxObserver, type MovingAverageObserverOptions } from './moving-average-min-max.js';
export {
  MovingAveragePerChannelMinMaxObserver,
  type MovingAveragePerChannelObserverOptions,
} from './moving-average-per-channel-min-max.js';
export { NoopObserver } from './noop.js';
export { ObservedQParams } from './observed-qparams.js';
export { Observer, type ObserverClass, type ObserverJSON } from './observer.js';
export { describeFactory, type ObserverFactory } from './observer-factory.js';
export { OBSERVERS, observerFromJSON } from './observer-registry.js';
export { PerChannelMinMaxObserver } from './per-channel-min-max.js';
export type { PerChannelObserverOptions } from './per-channel-observer.js';
export { PerRowMinMaxObserver, type PerRowMinMaxObserverOptions } from './per-row-min-max.js';
export { PlaceholderObserver, type PlaceholderObserverOptions } from './placeholder.js';
export {
  defaultDynamicFakeQuant,
  defaultEmbeddingFakeQuant,
  defaultEmbeddingFakeQuant4Bit,
  defaultFakeQuant,
  defaultFixedQParamsRange0To1FakeQuant,
  defaultFixedQParamsRangeNeg1To1FakeQuant,
  defaultFusedActFakeQuant,
  defaultFusedPerChannelWtFakeQuant,
  defaultFusedWtFakeQuant,
  defaultHistogramFakeQuant,
  defaultPerChannelWeightFakeQuant,
  defaultWeightFakeQuant,
  fusedPerChannelWtFakeQuantRangeNeg127To127,
  fusedWtFakeQuantRangeNeg127To127,
} from './qconfig/default-fake-quantizes.js';
export {
  defaultDebugObserver,
  defaultDynamicQuantObserver,
  defaultFixedQParamsRange0To1Observer,
  defaultFixedQParamsRangeNeg1To1Observer,
  defaultFloatQParamsObserver,
  defaultFloatQParamsObserver4Bit,
  defaultHistogramObserver,
  defaultObserver,
  defaultPerChannelWeightObserver,
  defaultPlaceholderObserver,
  defaultReuseInputObserver,
  defaultWeightObserver,
  perChannelWeightObserverRangeNeg127To127,
  perRowDynamicQuantObserver,
  weightObserverRangeNeg127To127,
} from './qconfig/default-observers.js';
export {
  type DynamicLinearAttrs,
  dynamicLinearAttrs,
  quantizeWeight,
  quantizeWeightAs,
} from './qconfig/dynamic-linear.js';
export { isTableQConfig, packTable, type TableDType, tableBits, tableDType } from './qconfig/embedding-table.js';
export { ENGINES, type Engine, getDefaultQatQConfig, getDefaultQConfig } from './qconfig/engines.js';
export { type ObjectType, QConfigMapping } from './qconfig/mapping.js';
export {
  defaultActivationOnlyQConfig,
  defaultDebugQConfig,
  defaultDynamicQatQConfig,
  defaultDynamicQConfig,
  defaultEmbeddingQatQConfig,
  defaultEmbeddingQatQConfig4Bit,
  defaultPerChannelQConfig,
  defaultPerChannelSymmetricQnnpackQatQConfig,
  defaultPerChannelSymmetricQnnpackQConfig,
  defaultQatQConfig,
  defaultQatQConfigV2,
  defaultQConfig,
  defaultQuint8WeightQConfig,
  defaultReuseInputQConfig,
  defaultSymmetricQnnpackQatQConfig,
  defaultSymmetricQnnpackQConfig,
  defaultWeightOnlyQConfig,
  float16DynamicQConfig,
  float16StaticQConfig,
  floatQParamsWeightOnlyQConfig,
  floatQParamsWeightOnlyQConfig4Bit,
  PRESETS,
  type Preset,
  perChannelDynamicQConfig,
  perRowDynamicQConfig,
  QCONFIGS,
  qconfigByName,
  staticImageQConfig,
  staticTransformerQConfig,
  weightOnlyInt4QConfig,
  weightOnlyInt8QConfig,
} from './qconfig/presets.js';
export { defineQConfig, describeQConfig, isQConfig, type QConfig } from './qconfig/qconfig.js';
export { type QConfigDecision, QConfigResolution } from './qconfig/resolution.js';
export { type QConfigDict, resolveQConfig } from './qconfig/resolve.js';
export { checkQatQConfig, checkStaticQConfig } from './qconfig/static.js';
export { type GroupedWeight, isWeightOnlyQConfig, packGroups } from './qconfig/weight-only.js';
export { QSCHEMES, type QScheme } from './qscheme.js';
export type { ObserverDType, PlaceholderDType } from './quant-range.js';
export { RANGE_OBSERVERS, type RangeObserver } from './range-observers.js';
export { RecordingObserver } from './recording.js';
export { ReuseInputObserver } from './reuse-input.js';
export { UniformObserver, type UniformObserverOptions } from './uniform-observer.js';
export { warnOnce } from './warn.js';
