import { chooseQParamsPerTensor, quantizePerTensorDynamic } from './choose-qparams.js';
import { embeddingOperators } from './embedding.js';
import type { GoldenOperator } from './golden-operator.js';
import { linearDynamic } from './linear-dynamic.js';
import { moduleGraphOperators } from './module-graphs.js';
import { moduleOperators } from './modules.js';
import { numericSuiteOperators } from './numeric-suite.js';
import { observerOperators } from './observers.js';
import {
  fakeQuantizePerChannelAffine,
  fakeQuantizePerTensorAffine,
  quantizeChannels,
  quantizeTensor,
} from './quantize.js';
import { recurrentOperators } from './recurrent.js';
import { elementwiseOperators } from './static-elementwise.js';
import { staticOperators } from './static-ops.js';
import { spatialOperators } from './static-spatial.js';

/** By the `op` of a case. Ops that are not here are pending. */
export const OPERATORS: Readonly<Record<string, GoldenOperator>> = {
  _choose_qparams_per_tensor: chooseQParamsPerTensor,
  quantize_per_tensor_dynamic: quantizePerTensorDynamic,
  quantize_per_tensor: quantizeTensor,
  quantize_per_channel: quantizeChannels,
  fake_quantize_per_tensor_affine: fakeQuantizePerTensorAffine,
  fake_quantize_per_channel_affine: fakeQuantizePerChannelAffine,
  linear_dynamic: linearDynamic,
  linear_relu_dynamic: linearDynamic,
  ...observerOperators,
  ...recurrentOperators,
  ...moduleOperators,
  ...moduleGraphOperators,
  ...numericSuiteOperators,
  ...embeddingOperators,
  ...staticOperators,
  ...elementwiseOperators,
  ...spatialOperators,
};
