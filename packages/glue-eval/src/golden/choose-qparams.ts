import { chooseQParams, F, finiteRange, QUANTIZED_DTYPES, quantizePerTensor, type Tensor } from '@octavo/core';
import type { GoldenOperator } from './golden-operator.js';
import { dtypeOf, tensorOf } from './qparams.js';

/** `torch._choose_qparams_per_tensor(x, reduce_range)`, by the op of that name. */
export const chooseQParamsPerTensor: GoldenOperator = (golden) => {
  const { scale, zeroPoint } = F.chooseQParamsPerTensor(tensorOf(golden, 'x'), golden.params.reduce_range === true);
  return { scale, zero_point: zeroPoint };
};

/** `torch.quantize_per_tensor_dynamic(x, dtype, reduce_range)`: the same rule over the codes of a dtype. */
export const quantizePerTensorDynamic: GoldenOperator = (golden) => {
  const x = tensorOf(golden, 'x');
  const dtype = dtypeOf(golden.params.dtype);
  const { data } = (x as Tensor<'float32'>).raw;
  const { min, max } = finiteRange(data, 0, data.length);
  const { qmin, qmax } = QUANTIZED_DTYPES[dtype];
  const { scale, zeroPoint } = chooseQParams(min, max, {
    qmin,
    qmax,
    reduceRange: golden.params.reduce_range === true,
  });
  return { q: quantizePerTensor(x, scale, zeroPoint, dtype).values, q_scale: scale, q_zero_point: zeroPoint };
};
