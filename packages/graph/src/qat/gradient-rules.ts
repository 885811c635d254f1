import { type Attrs, dispatch, erf, exp, F, opByName, sizeOf, Tensor, tanh } from '@octavo/core';
import { type ConvGeometry, convGradients, linearGradients } from '@octavo/observers';
import type { Node } from '../ir/node.js';
import { averagePoolGradient, maxPoolGradient } from './pool-gradients.js';

/** One node of a forward that is gone back through. */
export interface GradientContext {
  readonly node: Node;
  readonly operands: readonly Tensor[];
  readonly output: Tensor;
  /** The derivative of the loss by the output, float32 of its dims. */
  readonly gradient: Tensor;
}

/** The derivatives by each operand, float32 of its dims; null for an operand that has none. */
export type GradientRule = (context: GradientContext) => readonly (Tensor | null)[];

/** By x alone, from the slope of y = f(x) at x. Slopes are no part of the contract on bits: double precision. */
function slope(of: (x: number, attrs: Attrs) => number): GradientRule {
  return ({ node, operands: [x], gradient }) => {
    const [data, dy] = [x?.raw.data as Float32Array, gradient.raw.data as Float32Array];
    return [
      new Tensor(
        'float32',
        data.map((value, i) => (dy[i] as number) * of(value, node.attrs as Attrs)),
        gradient.raw.dims,
      ),
    ];
  };
}

const within = (holds: boolean): number => Number(holds);
const sigmoid = (x: number): number => 1 / (1 + exp(-x));
const number = (attrs: Attrs, name: string): number => attrs[name] as number;

/** Ops that only move elements: the op itself, run on the elements' indices, says where they went. */
const moved: GradientRule = ({ node, operands, gradient }) => {
  const starts = operands.map((_, i) => operands.slice(0, i).reduce((sum, { raw }) => sum + raw.data.length, 0));
  const indices = operands.map(({ raw }, k) => {
    const start = starts[k] as number;
    return new Tensor(
      'int32',
      Int32Array.from(raw.data as ArrayLike<number>, (_, i) => start + i),
      raw.dims,
    );
  });
  const [from] = dispatch(opByName(node.op), indices, node.attrs as Attrs) as [Tensor<'int32'>];
  const results = operands.map(({ raw }) => new Float32Array(raw.data.length));
  const dy = gradient.raw.data as Float32Array;
  from.raw.data.forEach((index, i) => {
    const k = starts.findLastIndex((start, at) => start <= index && (results[at] as Float32Array).length > 0);
    const result = results[k] as Float32Array;
    const at = index - (starts[k] as number);
    result[at] = (result[at] as number) + (dy[i] as number);
  });
  return operands.map(({ raw }, k) => new Tensor('float32', results[k] as Float32Array, raw.dims));
};

/** A gradient summed over the axes along which an operand was broadcast. */
function summedTo(gradient: Tensor, { raw: { dims } }: Tensor): Tensor {
  const from = gradient.raw.dims;
  if (from.join() === dims.join()) return gradient;
  const result = new Float32Array(sizeOf(dims));
  const strides = from.map((_, axis) => {
    const own = axis - (from.length - dims.length);
    return own < 0 || dims[own] === 1 ? 0 : sizeOf(dims.slice(own + 1));
  });
  (gradient.raw.data as Float32Array).forEach((value, i) => {
    let [rest, at] = [i, 0];
    for (let axis = from.length - 1; axis >= 0; axis--) {
      const size = from[axis] as number;
      at += (rest % size) * (strides[axis] as number);
      rest = Math.floor(rest / size);
    }
    result[at] = (result[at] as number) + value;
  });
  return new Tensor('float32', result, dims);
}

/** Sums over all but axis `axis`, as a vector. */
function channelSums(gradient: Tensor, axis: number): Tensor {
  const dims = gradient.raw.dims.map((size, i) => (i === axis ? size : 1));
  return F.reshape(summedTo(gradient, new Tensor('float32', new Float32Array(sizeOf(dims)), dims)), [-1]);
}

function swapped(x: Tensor): Tensor {
  return F.transpose(x, -2, -1);
}

const linear: GradientRule = ({ operands: [x, weight, bias], gradient }) => {
  const by = linearGradients(x as Tensor, weight as Tensor, gradient);
  return [by.input, by.weight, bias ? channelSums(gradient, gradient.raw.dims.length - 1) : null];
};

const conv: GradientRule = ({ node: { attrs }, operands: [x, weight, bias], gradient }) => {
  const by = convGradients(x as Tensor, weight as Tensor, gradient, attrs as unknown as ConvGeometry);
  return [by.input, by.weight, bias ? channelSums(gradient, 1) : null];
};

/** y = (x - mean) r gamma + beta, r = 1 / sqrt(variance + eps), with running statistics, which are constants. */
const batchNorm: GradientRule = ({ node: { attrs }, operands: [x, gamma, beta, mean, variance], gradient }) => {
  const channels = (t: Tensor): Tensor =>
    F.reshape(t, [-1, ...Array<number>((x as Tensor).raw.dims.length - 2).fill(1)]);
  const r = F.div(1, F.sqrt(F.add(variance as Tensor, attrs.eps as number)));
  const normalized = F.mul(F.sub(x as Tensor, channels(mean as Tensor)), channels(r));
  const factor = gamma ? F.mul(r, gamma) : r;
  return [
    F.mul(gradient, channels(factor)),
    gamma ? channelSums(F.mul(gradient, normalized), 1) : null,
    beta ? channelSums(gradient, 1) : null,
    null,
    null,
  ];
};

const mean: GradientRule = ({ node: { attrs }, operands: [x], gradient }) => {
  const { dims } = (x as Tensor).raw;
  const axes = ((attrs.dims as readonly number[] | undefined) ?? []).map((axis) => (axis + dims.length) % dims.length);
  const reduced = (axis: number): boolean => axes.length === 0 || axes.includes(axis);
  const kept = F.reshape(
    gradient,
    dims.map((size, axis) => (reduced(axis) ? 1 : size)),
  );
  const share = 1 / dims.reduce((product, size, axis) => (reduced(axis) ? product * size : product), 1);
  return [F.mul(new Tensor('float32', new Float32Array(sizeOf(dims)).fill(share), dims), kept)];
};

const matmul: GradientRule = ({ operands: [a, b], gradient }) => [
  summedTo(F.matmul(gradient, swapped(b as Tensor)), a as Tensor),
  summedTo(F.matmul(swapped(a as Tensor), gradient), b as Tensor),
];

/** dx = y (dy - sum(dy y)) along the axis. */
const softmax: GradientRule = ({ node: { attrs }, output: y, gradient }) => {
  const size = y.raw.dims.at((attrs.dim as number | undefined) ?? -1) as number;
  const sums = F.mul(F.mean(F.mul(gradient, y), (attrs.dim as number | undefined) ?? -1, { keepDim: true }), size);
  return [F.mul(y, F.sub(gradient, sums))];
};

/** The ops that gradients go back through. To add an op, add its row. */
export const GRADIENT_RULES: Readonly<Record<string, GradientRule>> = {
  'aten::linear': linear,
  'aten::conv': conv,
  'aten::batch_norm': batchNorm,
  'aten::matmul': matmul,
  'aten::softmax': softmax,

  'aten::add': ({ operands, gradient }) => operands.map((operand) => summedTo(gradient, operand)),
  'aten::sub': ({ operands: [a, b], gradient }) => [
    summedTo(gradient, a as Tensor),
    summedTo(F.neg(gradient), b as Tensor),
  ],
  'aten::mul': ({ operands: [a, b], gradient }) => [
    summedTo(F.mul(gradient, b as Tensor), a as Tensor),
    summedTo(F.mul(gradient, a as Tensor), b as Tensor),
  ],
  'aten::neg': ({ gradient }) => [F.neg(gradient)],

  'aten::relu': slope((x) => within(x > 0)),
  'aten::clamp': slope((x, attrs) => within(x > number(attrs, 'min') && x < number(attrs, 'max'))),
  'aten::leaky_relu': slope((x, attrs) => (x > 0 ? 1 : number(attrs, 'negativeSlope'))),
  'aten::elu': slope((x, attrs) => {
    const scale = number(attrs, 'inputScale');
    return x >= 0 ? 1 : number(attrs, 'alpha') * scale * exp(x * scale);
  }),
  'aten::sigmoid': slope((x) => sigmoid(x) * (1 - sigmoid(x))),
  'aten::tanh': slope((x) => 1 - tanh(x) ** 2),
  'aten::silu': slope((x) => sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
  'aten::hardsigmoid': slope((x) => within(x > -3 && x < 3) / 6),
  'aten::hardswish': slope((x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5)),
  'aten::gelu': slope((x) => 0.5 * (1 + erf(x / Math.SQRT2)) + (x * exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI)),
  'aten::gelu_tanh': slope((x) => {
    const [k, t] = [Math.sqrt(2 / Math.PI), tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))];
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 3 * 0.044715 * x * x);
  }),

  'aten::mean': mean,
  'aten::max_pool': ({ node, operands: [x], gradient }) => [maxPoolGradient(node, x as Tensor, gradient)],
  'aten::avg_pool': ({ node, operands: [x], gradient }) => [averagePoolGradient(node, x as Tensor, gradient)],
  'aten::adaptive_avg_pool': ({ node, operands: [x], gradient }) => [averagePoolGradient(node, x as Tensor, gradient)],

  'aten::cat': moved,
  'aten::reshape': moved,
  'aten::unsqueeze': moved,
  'aten::permute': moved,
  'aten::select': moved,
  'aten::slice': moved,
  'octavo::flatten_to_matrix': moved,
};
