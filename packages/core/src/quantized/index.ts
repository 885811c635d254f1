// The typed form of static quantized ops: QuantizedTensors in and out, one dispatched op each. Exported as `Q`.

export {
  celu,
  clamp,
  elu,
  gelu,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  relu,
  relu6,
  sigmoid,
  softmax,
  symmetricUnitQParams,
  tanh,
  threshold,
  unitQParams,
} from './activations.js';
export {
  type ArithmeticOptions,
  add,
  addScalar,
  cat,
  matmul,
  mul,
  mulScalar,
  type ReluOption,
  requantize,
} from './arithmetic.js';
export { conv, convTranspose } from './conv.js';
export {
  embedding,
  embeddingBag,
  embeddingPackCodes,
  embeddingPrepack,
  embeddingUnpack,
  type TableBagOptions,
  type TableOptions,
} from './embedding.js';
export type { OutputQParams } from './input.js';
export { linear } from './linear.js';
export { batchNorm, groupNorm, instanceNorm, layerNorm, type NormOptions } from './normalize.js';
export type { Pair } from './operands.js';
export {
  type AveragePoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  interpolate,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  mean,
  type PoolOptions,
  pad,
} from './spatial.js';
export type { StaticOptions } from './static-op.js';
