export {
  CELU,
  ELU,
  GELU,
  Hardsigmoid,
  Hardswish,
  Hardtanh,
  LeakyReLU,
  LogSoftmax,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  Softmax,
  Tanh,
} from './activation.js';
export {
  AttentionBase,
  type AttentionOptions,
  type MultiheadAttentionFunction,
  type MultiheadAttentionOptions,
  type Projected,
} from './attention-base.js';
export {
  BatchNorm,
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormOptions,
} from './batch-norm.js';
export { cloneModule } from './clone-module.js';
export { Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from './conv.js';
export { type ConvModuleOptions, ConvNd, type ConvTransposeModuleOptions } from './conv-base.js';
export { Dropout } from './dropout.js';
export { Embedding } from './embedding.js';
export { EmbeddingBag, type EmbeddingBagFunction, type EmbeddingBagOptions } from './embedding-bag.js';
export { Flatten } from './flatten.js';
export { GroupNorm } from './group-norm.js';
export { GRU, type GRUFunction, type GRUOptions } from './gru.js';
export { Identity } from './identity.js';
export { skipInit } from './init.js';
export { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, type InstanceNormOptions } from './instance-norm.js';
export { LayerNorm } from './layer-norm.js';
export { Linear } from './linear.js';
export { LSTM, type LSTMFunction, type LSTMState } from './lstm.js';
export {
  type ForwardHook,
  type ForwardPreHook,
  type HookHandle,
  isModule,
  Module,
  type StateDict,
} from './module.js';
export { ModuleList } from './module-list.js';
export { MultiheadAttention } from './multihead-attention.js';
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
} from './pool.js';
export type { RecurrentLayer } from './recurrent-layer.js';
export { RECURRENT_MODES, type RecurrentMode } from './recurrent-modes.js';
export { RNNBase, type RNNOptions } from './rnn-base.js';
export { RNNCellBase, type RNNCellOptions } from './rnn-cell-base.js';
export {
  GRUCell,
  type HiddenCellFunction,
  LSTMCell,
  type LSTMCellFunction,
  type Nonlinearity,
  RNNCell,
} from './rnn-cells.js';
export { Sequential } from './sequential.js';
export { Upsample } from './upsample.js';
export { ZeroPad1d, ZeroPad2d, ZeroPad3d } from './zero-pad.js';
