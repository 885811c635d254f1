export { GELU, ReLU, Sigmoid, Softmax, Tanh } from './activation.js';
export { cloneModule } from './clone-module.js';
export { Dropout } from './dropout.js';
export { Embedding } from './embedding.js';
export { skipInit } from './init.js';
export { LayerNorm } from './layer-norm.js';
export { Linear } from './linear.js';
export {
  type ForwardHook,
  type ForwardPreHook,
  type HookHandle,
  isModule,
  Module,
  type StateDict,
} from './module.js';
export { ModuleList } from './module-list.js';
export { Sequential } from './sequential.js';
