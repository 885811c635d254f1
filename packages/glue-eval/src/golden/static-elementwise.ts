import { Q, QuantizedTensor, type Tensor } from '@octavo/core';
import type { GoldenCase, GoldenValue } from './golden-case.js';
import type { GoldenOperator } from './golden-operator.js';
import { dtypeOf, qparamsOf, tensorOf } from './qparams.js';

// The golden group `elementwise`, all but images: functions, arithmetic, concatenation and normalisation of codes.

/** A stored quantized tensor: its codes under `role`, its qparams among the parameters. */
export function quantizedOf(golden: GoldenCase, role: string): QuantizedTensor {
  const dtype = dtypeOf(golden.params[`${role}_dtype`]);
  return new QuantizedTensor(dtype, tensorOf(golden, role), qparamsOf(golden, role));
}

/** A result by the roles of the group: codes, scale and zero point. */
export function resultOf(y: QuantizedTensor): Record<string, GoldenValue> {
  return { y: y.values, y_scale: y.scales[0] as number, y_zero_point: y.zeroPoints[0] as number };
}

type NumberParam = (name: string) => number;

function outputOf({ params }: GoldenCase): { scale: number; zeroPoint: number } {
  return { scale: params.y_scale as number, zeroPoint: params.y_zero_point as number };
}

/** A function of `x`, the output's qparams and the parameters. */
function unary(
  fn: (x: QuantizedTensor, output: { scale: number; zeroPoint: number }, param: NumberParam) => QuantizedTensor,
): GoldenOperator {
  return (golden) => resultOf(fn(quantizedOf(golden, 'x'), outputOf(golden), (name) => golden.params[name] as number));
}

type Binary = (a: QuantizedTensor, b: QuantizedTensor, options: Q.ArithmeticOptions) => QuantizedTensor;

function binary(fn: Binary, relu = false): GoldenOperator {
  return (golden) =>
    resultOf(fn(quantizedOf(golden, 'a'), quantizedOf(golden, 'b'), { ...outputOf(golden), ...(relu && { relu }) }));
}

function cat(relu: boolean): GoldenOperator {
  return (golden) => {
    const { dim, n_inputs } = golden.params;
    const tensors = Array.from({ length: n_inputs as number }, (_, i) => quantizedOf(golden, `x${i}`));
    return resultOf(Q.cat(tensors, dim as number, { ...outputOf(golden), relu }));
  };
}

/** Weight, bias and epsilon of a normalisation, and the output's qparams. */
function normOptions(golden: GoldenCase): Q.NormOptions {
  const optional = (role: string): Tensor | null => (role in golden.inputs ? tensorOf(golden, role) : null);
  const eps = golden.params.epsilon as number;
  return { ...outputOf(golden), weight: optional('weight'), bias: optional('bias'), eps };
}

function batchNorm(relu: boolean): GoldenOperator {
  return (golden) => {
    const [mean, variance] = [tensorOf(golden, 'mean'), tensorOf(golden, 'var')];
    return resultOf(Q.batchNorm(quantizedOf(golden, 'x'), mean, variance, { ...normOptions(golden), relu }));
  };
}

const clamp = unary((x, _, param) => Q.clamp(x, param('min'), param('max')));

/** By the `op` of a case. */
export const elementwiseOperators: Readonly<Record<string, GoldenOperator>> = {
  relu: unary(Q.relu),
  relu6: unary(Q.relu6),
  clamp,
  hardtanh: clamp,
  threshold: unary((x, _, param) => Q.threshold(x, param('threshold'), param('value'))),
  leaky_relu: unary((x, output, param) => Q.leakyRelu(x, { ...output, negativeSlope: param('negative_slope') })),
  hardswish: unary(Q.hardswish),
  hardsigmoid: unary(Q.hardsigmoid),
  sigmoid: unary(Q.sigmoid),
  tanh: unary(Q.tanh),
  elu: unary((x, output, param) => Q.elu(x, { ...output, alpha: param('alpha') })),
  celu: unary((x, output, param) => Q.celu(x, { ...output, alpha: param('alpha') })),
  softmax: unary((x, output, param) => Q.softmax(x, param('dim'), output)),
  add_scalar: unary((x, _, param) => Q.addScalar(x, param('other'))),
  mul_scalar: unary((x, _, param) => Q.mulScalar(x, param('other'))),
  add: binary(Q.add),
  add_relu: binary(Q.add, true),
  mul: binary(Q.mul),
  mul_relu: binary(Q.mul, true),
  matmul: binary(Q.matmul),
  cat: cat(false),
  cat_relu: cat(true),
  batch_norm2d: batchNorm(false),
  batch_norm2d_relu: batchNorm(true),
  layer_norm: (golden) => {
    const shape = golden.params.normalized_shape as readonly number[];
    return resultOf(Q.layerNorm(quantizedOf(golden, 'x'), shape, normOptions(golden)));
  },
  group_norm: (golden) =>
    resultOf(Q.groupNorm(quantizedOf(golden, 'x'), golden.params.num_groups as number, normOptions(golden))),
  instance_norm: (golden) => resultOf(Q.instanceNorm(quantizedOf(golden, 'x'), normOptions(golden))),
};
