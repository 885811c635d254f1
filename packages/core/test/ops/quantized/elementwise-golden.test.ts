import '../../reference-only.js';
import { expect } from 'vitest';
import { dispatch } from '../../../src/ops/dispatch.js';
import { opByName } from '../../../src/ops/op-table.js';
import * as Q from '../../../src/quantized/index.js';
import type { OutputQParams } from '../../../src/quantized/input.js';
import type { QuantizedDType } from '../../../src/tensor/dtype.js';
import { QuantizedTensor } from '../../../src/tensor/quantized-tensor.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { goldenCases, itGolden } from '../../golden.js';

// The parameters of a case by PyTorch's names; some are lists.
// biome-ignore lint/suspicious/noExplicitAny: stored JSON.
type Params = Record<string, any>;
type Case = { params: Params; inputs: Record<string, Tensor> };

function operand({ params, inputs }: Case, role: string): QuantizedTensor {
  return new QuantizedTensor(params[`${role}_dtype`] as QuantizedDType, inputs[role] as Tensor, {
    scales: Float32Array.of(params[`${role}_scale`] as number),
    zeroPoints: Int32Array.of(params[`${role}_zero_point`] as number),
  });
}

type Unary = (x: QuantizedTensor, output: OutputQParams, params: Params, inputs: Case['inputs']) => QuantizedTensor;
type Binary = (a: QuantizedTensor, b: QuantizedTensor, output: OutputQParams) => QuantizedTensor;

function averagePool(name: string, x: QuantizedTensor, params: Params, attrs: Params): QuantizedTensor {
  const all = { ...attrs, xZeroPoint: x.zeroPoints[0] as number, nchw: params.channels_last ? 0 : 1 };
  return new QuantizedTensor(x.dtype, dispatch(opByName(name), [x.values], all)[0] as Tensor, x);
}

const UNARY: Record<string, Unary> = {
  relu: (x) => Q.relu(x),
  relu6: (x) => Q.relu6(x),
  clamp: (x, _, p) => Q.clamp(x, p.min, p.max),
  hardtanh: (x, _, p) => Q.hardtanh(x, p.min, p.max),
  threshold: (x, _, p) => Q.threshold(x, p.threshold, p.value),
  leaky_relu: (x, y, p) => Q.leakyRelu(x, { ...y, negativeSlope: p.negative_slope }),
  hardswish: (x, y) => Q.hardswish(x, y),
  hardsigmoid: (x) => Q.hardsigmoid(x),
  sigmoid: (x, y) => Q.sigmoid(x, y),
  tanh: (x) => Q.tanh(x),
  elu: (x, y, p) => Q.elu(x, { ...y, alpha: p.alpha }),
  celu: (x, y, p) => Q.celu(x, { ...y, alpha: p.alpha }),
  softmax: (x, y, p) => Q.softmax(x, p.dim, y),
  add_scalar: (x, _, p) => Q.addScalar(x, p.other),
  mul_scalar: (x, _, p) => Q.mulScalar(x, p.other),
  batch_norm2d: (x, y, p, i) =>
    Q.batchNorm(x, i.mean as Tensor, i.var as Tensor, { ...y, weight: i.weight, bias: i.bias, eps: p.epsilon }),
  batch_norm2d_relu: (x, y, p, i) =>
    Q.batchNorm(x, i.mean as Tensor, i.var as Tensor, {
      ...y,
      weight: i.weight,
      bias: i.bias,
      eps: p.epsilon,
      relu: true,
    }),
  layer_norm: (x, y, p, i) =>
    Q.layerNorm(x, p.normalized_shape, { ...y, weight: i.weight, bias: i.bias, eps: p.epsilon }),
  group_norm: (x, y, p, i) => Q.groupNorm(x, p.num_groups, { ...y, weight: i.weight, bias: i.bias, eps: p.epsilon }),
  instance_norm: (x, y, p, i) => Q.instanceNorm(x, { ...y, weight: i.weight, bias: i.bias, eps: p.epsilon }),
  max_pool2d: (x, _, p) => Q.maxPool2d(x, p.kernel, { stride: p.stride, padding: p.padding }),
  avg_pool2d: (x, _, p) =>
    averagePool('quantized::avg_pool2d', x, p, {
      kernel: [p.kernel, p.kernel],
      stride: [p.stride, p.stride],
      padding: [p.padding, p.padding],
      countIncludePad: Number(p.count_include_pad),
    }),
  adaptive_avg_pool2d: (x, _, p) => averagePool('quantized::adaptive_avg_pool2d', x, p, { outputSize: p.output_size }),
  mean: (x, _, p) => Q.mean(x, p.dim, p.keepdim),
  interpolate: (x, _, p) => Q.interpolate(x, p.size, { mode: p.mode, alignCorners: p.align_corners }),
};

const BINARY: Record<string, Binary> = {
  add: Q.add,
  add_relu: (a, b, y) => Q.add(a, b, { ...y, relu: true }),
  mul: Q.mul,
  mul_relu: (a, b, y) => Q.mul(a, b, { ...y, relu: true }),
  matmul: Q.matmul,
};

function computed(op: string, each: Case): QuantizedTensor {
  const { params, inputs } = each;
  const output = { scale: params.y_scale, zeroPoint: params.y_zero_point };
  if (op in BINARY) return (BINARY[op] as Binary)(operand(each, 'a'), operand(each, 'b'), output);
  if (op in UNARY) return (UNARY[op] as Unary)(operand(each, 'x'), output, params, inputs);
  const tensors = Array.from({ length: params.n_inputs }, (_, i) => operand(each, `x${i}`));
  return Q.cat(tensors, params.dim, { ...output, relu: op === 'cat_relu' });
}

itGolden('golden elementwise: every op, and no more one-code differences than the plain formula has', () => {
  const cases = goldenCases('elementwise');
  let exact = 0;
  for (const each of cases) {
    const { name, op, outputs } = each;
    const y = computed(op, each as unknown as Case);
    expect([name, y.scales[0], y.zeroPoints[0]]).toEqual([
      name,
      Math.fround(outputs.y_scale as number),
      outputs.y_zero_point,
    ]);
    const [got, expected] = [y.values.raw, (outputs.y as Tensor<'int8'>).raw];
    expect([name, y.values.type, got.dims]).toEqual([name, (outputs.y as Tensor).type, expected.dims]);
    const differences = Array.from(expected.data, (code, i) => Math.abs(code - Number(got.data[i]))).filter(Boolean);
    const { formula_mismatched_elements } = each as unknown as { formula_mismatched_elements: Record<string, number> };
    const allowed = each.exact ? 0 : (Object.values(formula_mismatched_elements)[0] as number);
    expect(differences.length, name).toBeLessThanOrEqual(allowed);
    expect(Math.max(0, ...differences), name).toBeLessThanOrEqual(1);
    if (differences.length === 0) exact++;
  }
  expect([cases.length, exact]).toEqual([797, 770]);
});
