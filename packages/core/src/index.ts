// The public names of @octavo/core. Anything not listed here may change without notice.

export {
  BACKEND_ABI,
  type Backend,
  type Executable,
  type Kernel,
  type MachineFacts,
  type PeakRates,
  type RunOptions,
} from './backend/backend.js';
export { type DoctorReport, doctor, type SelfTestResult } from './backend/doctor.js';
export { Interpreter, referenceBackend } from './backend/reference-backend.js';
export {
  activeBackend,
  type BackendRegistration,
  registerBackend,
  whyReference,
  withBackend,
} from './backend/registry.js';
export { withCheapestBackend } from './backend/small-work.js';
export {
  didYouMean,
  isOctavoError,
  nearestName,
  OctavoError,
  type OctavoErrorCode,
  type OctavoErrorOptions,
} from './errors.js';
export { type BatchNormParameters, foldBatchNorm } from './fold-batch-norm.js';
export type { CodeDType, DynamicOptions, Quantized } from './functional.js';
export * as F from './functional.js';
export { decodeSafetensors, encodeSafetensors, type SafetensorsContent } from './io/safetensors.js';
export * as nn from './nn/index.js';
export {
  cloneModule,
  type ForwardHook,
  type ForwardPreHook,
  type HookHandle,
  isModule,
  Module,
  type StateDict,
} from './nn/index.js';
export { type BatchStatistics, batchStatistics } from './numerics/batch-statistics.js';
export { chooseQParams, finiteRange, type QParams } from './numerics/choose-qparams.js';
export { erf, exp, gelu, sigmoid, tanh } from './numerics/elementary.js';
export {
  float16FromFloat32,
  float16ToFloat32,
  narrowToFloat16Array,
  widenFloat16Array,
} from './numerics/float16.js';
export { fma } from './numerics/fma.js';
export {
  calculateFloatQParams,
  calculateQParams,
  OBSERVER_EPS,
  type ObserverRule,
} from './numerics/observer-qparams.js';
export {
  dequantizeValue,
  inverseScale,
  quantizeFused,
  quantizeValue,
  quantizeWithFloatZeroPoint,
} from './numerics/quantize.js';
export { clamp, rint } from './numerics/round.js';
export { ACTIVATIONS, type ActivationName } from './ops/activation.js';
export { RECURRENT_ACTIVATIONS } from './ops/array/recurrent-activations.js';
export { batchNormAffine } from './ops/batch-norm.js';
export { checkAttrs } from './ops/check-attrs.js';
export { dispatch, metaOf } from './ops/dispatch.js';
export { BAG_MODES, NO_PADDING } from './ops/embedding-bag.js';
export { SLICE_TO_END } from './ops/layout.js';
export { DYNAMIC_SCHEMES, type DynamicScheme } from './ops/linear-dynamic.js';
export type { AttrKind, Attrs, AttrValue, OpDef, Operand, OperandMeta, TensorMeta } from './ops/op-def.js';
export { describeOps, OP_LIST, OP_TABLE_HASH, OPS, opByName } from './ops/op-table.js';
export { PER_ROW, PER_TENSOR } from './ops/quantize.js';
export { STATIC_ACTIVATIONS, type StaticActivation } from './ops/quantized/static-requantization.js';
export { activeRecorder, type Recorder, withRecorder } from './ops/recorder.js';
export { checkInputs, inferShapes } from './program/infer-shapes.js';
export { type MemoryPlan, planMemory } from './program/plan-memory.js';
export type { Instruction, Program, ProgramInput, ProgramOutput, ProgramValue } from './program/program.js';
export {
  type ChannelValues,
  dequantize,
  type FakeQuantizeRange,
  fakeQuantizePerChannel,
  fakeQuantizePerTensor,
  quantizePerChannel,
  quantizePerTensor,
} from './quantize.js';
export * as Q from './quantized/index.js';
export { defaultGenerator, Generator, manualSeed } from './random.js';
export { channelsLastOf } from './tensor/channels-last.js';
export type { PerAxis } from './tensor/conv-geometry.js';
export { type ConvOptions, ConvPackedParams } from './tensor/conv-packed-params.js';
export {
  checkDType,
  DTYPES,
  type DType,
  type DTypeArrays,
  QUANTIZED_DTYPES,
  type QuantizedDType,
  type TypedArray,
} from './tensor/dtype.js';
export { LinearPackedParams } from './tensor/linear-packed-params.js';
export { isPackedParams, type PackedParams } from './tensor/packed-params.js';
export { QuantizedTensor } from './tensor/quantized-tensor.js';
export { RawTensor, type StoredForm } from './tensor/raw-tensor.js';
export { broadcastDims, checkAxis, type Dims, formatDims, resolveReshape, sizeOf } from './tensor/shape.js';
export { type NestedNumbers, Tensor } from './tensor/tensor.js';
export { noteResult, spareMemory, tidy } from './tensor/tidy.js';
