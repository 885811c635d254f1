import {
  dequantize,
  fakeQuantizePerChannel,
  fakeQuantizePerTensor,
  inverseScale,
  QUANTIZED_DTYPES,
  quantizePerChannel,
  quantizePerTensor,
  quantizeWithFloatZeroPoint,
  Tensor,
} from '@octavo/core';
import type { GoldenCase } from './golden-case.js';
import type { GoldenOperator } from './golden-operator.js';
import { dtypeOf, numbersOf, tensorOf } from './qparams.js';

/** `torch.quantize_per_tensor`, and its codes dequantized. */
export const quantizeTensor: GoldenOperator = (golden) => {
  const { scale, zero_point, dtype } = golden.params;
  const q = quantizePerTensor(tensorOf(golden, 'x'), scale as number, zero_point as number, dtypeOf(dtype));
  return {
    q: q.values,
    dequantized: dequantize(q),
    q_scale: q.scales[0] as number,
    q_zero_point: q.zeroPoints[0] as number,
  };
};

/** `torch.quantize_per_channel`, also with float zero points, and its codes dequantized. */
export const quantizeChannels: GoldenOperator = (golden) => {
  const { params, inputs } = golden;
  if (params.float_zero_points === true) return floatZeroPoints(golden);
  const [scales, zeroPoints] = [numbersOf(inputs.scales), numbersOf(inputs.zero_points)];
  const q = quantizePerChannel(tensorOf(golden, 'x'), scales, zeroPoints, params.axis as number, dtypeOf(params.dtype));
  return { q: q.values, dequantized: dequantize(q) };
};

/** Codes whose zero points are floats, as embedding tables have them: one pair a row, axis 0. */
function floatZeroPoints(golden: GoldenCase): Record<string, Tensor> {
  const x = tensorOf(golden, 'x') as Tensor<'float32'>;
  const { data, dims } = x.raw;
  const [scales, zeroPoints] = [numbersOf(golden.inputs.scales), numbersOf(golden.inputs.zero_points)];
  const { qmin, qmax } = QUANTIZED_DTYPES.quint8;
  const width = data.length / (dims[0] as number);
  const codes = Uint8Array.from(data, (value, i) => {
    const row = Math.floor(i / width);
    return quantizeWithFloatZeroPoint(
      value,
      inverseScale(scales[row] as number),
      zeroPoints[row] as number,
      qmin,
      qmax,
    );
  });
  return { q: new Tensor('uint8', codes, dims) };
}

function rangeOf({ params }: GoldenCase): { qmin: number; qmax: number } {
  return { qmin: params.quant_min as number, qmax: params.quant_max as number };
}

/** `torch.fake_quantize_per_tensor_affine`. */
export const fakeQuantizePerTensorAffine: GoldenOperator = (golden) => {
  const { scale, zero_point } = golden.params;
  return { y: fakeQuantizePerTensor(tensorOf(golden, 'x'), scale as number, zero_point as number, rangeOf(golden)) };
};

/** `torch.fake_quantize_per_channel_affine`. */
export const fakeQuantizePerChannelAffine: GoldenOperator = (golden) => {
  const { params, inputs } = golden;
  const [scales, zeroPoints] = [numbersOf(inputs.scales), numbersOf(inputs.zero_points)];
  return {
    y: fakeQuantizePerChannel(tensorOf(golden, 'x'), scales, zeroPoints, params.axis as number, rangeOf(golden)),
  };
};
