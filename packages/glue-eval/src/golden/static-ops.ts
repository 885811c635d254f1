import { ConvPackedParams, LinearPackedParams, Q, QuantizedTensor, Tensor } from '@octavo/core';
import type { GoldenCase, GoldenValue } from './golden-case.js';
import type { GoldenOperator } from './golden-operator.js';
import { qparamsOf, tensorOf } from './qparams.js';

// Static quantized linears and convolutions: codes in, codes out.

function quantizedInput(golden: GoldenCase): QuantizedTensor {
  return new QuantizedTensor('quint8', tensorOf(golden, 'x'), qparamsOf(golden, 'x'));
}

function weightOf(golden: GoldenCase): [weight: QuantizedTensor, bias: Tensor | null] {
  const weight = new QuantizedTensor('qint8', tensorOf(golden, 'weight'), qparamsOf(golden, 'weight'));
  return [weight, 'bias' in golden.inputs ? tensorOf(golden, 'bias') : null];
}

function optionsOf({ params }: GoldenCase): { scale: number; zeroPoint: number; activation: 'none' | 'relu' } {
  return {
    scale: params.y_scale as number,
    zeroPoint: params.y_zero_point as number,
    activation: params.relu === true ? 'relu' : 'none',
  };
}

function outputs(y: QuantizedTensor): Record<string, GoldenValue> {
  return { y: y.values, y_scale: y.scales[0] as number, y_zero_point: y.zeroPoints[0] as number };
}

/** `quantized::linear` and `linear_relu`. One case stores that a tensor of one dim is refused. */
const linearStatic: GoldenOperator = (golden) => {
  if (golden.raises !== undefined) return refusesOneDim();
  return outputs(Q.linear(quantizedInput(golden), new LinearPackedParams(...weightOf(golden)), optionsOf(golden)));
};

/** The call that must throw: x has one dim. */
function refusesOneDim(): Record<string, GoldenValue> {
  const qparams = { scales: Float32Array.of(0.1), zeroPoints: Int32Array.of(0) };
  const packed = new LinearPackedParams(new QuantizedTensor('qint8', Tensor.zeros([2, 4], 'int8'), qparams));
  const x = new QuantizedTensor('quint8', Tensor.zeros([4], 'uint8'), qparams);
  return outputs(Q.linear(x, packed, { scale: 1, zeroPoint: 0 }));
}

function packedConv(golden: GoldenCase, transposed: boolean): ConvPackedParams {
  const axes = (name: string): readonly number[] => golden.params[name] as readonly number[];
  return new ConvPackedParams(...weightOf(golden), {
    stride: axes('stride'),
    padding: axes('padding'),
    dilation: axes('dilation'),
    groups: golden.params.groups as number,
    ...(transposed && { transposed, outputPadding: axes('output_padding') }),
  });
}

const conv: GoldenOperator = (golden) =>
  outputs(Q.conv(quantizedInput(golden), packedConv(golden, false), optionsOf(golden)));

const convTranspose: GoldenOperator = (golden) =>
  outputs(Q.convTranspose(quantizedInput(golden), packedConv(golden, true), optionsOf(golden)));

/** Static quantized linears and convolutions, by the `op` of a case. */
export const staticOperators: Readonly<Record<string, GoldenOperator>> = {
  linear: linearStatic,
  linear_relu: linearStatic,
  conv1d: conv,
  conv1d_relu: conv,
  conv2d: conv,
  conv2d_relu: conv,
  conv3d: conv,
  conv3d_relu: conv,
  conv_transpose1d: convTranspose,
  conv_transpose2d: convTranspose,
};
