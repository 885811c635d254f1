import { F, LinearPackedParams, QuantizedTensor } from '@octavo/core';
import type { GoldenOperator } from './golden-operator.js';
import { qparamsOf, tensorOf } from './qparams.js';

/**
 * `quantized::linear_dynamic` and `linear_relu_dynamic`: the output, and the range and codes of the input on the way.
 */
export const linearDynamic: GoldenOperator = (golden) => {
  const x = tensorOf(golden, 'x');
  const options = { scheme: 'perTensor', reduceRange: golden.params.reduce_range === true } as const;
  const weight = new QuantizedTensor('qint8', tensorOf(golden, 'weight'), qparamsOf(golden, 'weight'));
  const bias = 'bias' in golden.inputs ? tensorOf(golden, 'bias') : null;
  const packed = new LinearPackedParams(weight, bias);
  const activation = golden.op === 'linear_relu_dynamic' ? 'relu' : 'none';
  const { codes, scales, zeroPoints } = F.quantizeDynamic(x, options);
  return {
    x_codes: codes,
    // Every row holds the one pair of the tensor; a tensor without rows holds none.
    ...(scales.raw.data.length > 0 && {
      x_scale: scales.raw.data[0] as number,
      x_zero_point: zeroPoints.raw.data[0] as number,
    }),
    y: F.linearDynamic(x, packed, { ...options, activation }),
  };
};
