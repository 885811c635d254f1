import { type Attrs, type Dims, sizeOf, Tensor } from '@octavo/core';
import type { Rule, RuleContext } from '../../import/rule.js';
import { DEFERRED } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { linearOf } from './linear.js';
import { filled, scalar } from './math.js';
import { constantPad, negativeFill } from './pads.js';
import { geometryOf, type Window } from './windows.js';

/** x [batch, in, ...], weight [out, in / groups, ...kernel], bias. */
const conv: Rule = (n) => convolution(n, n.input(0), n.input(1), n.optional(2));

export function convolution(n: RuleContext, x: Value, weight: Value, bias: Value | null): Value {
  const kernel = n.dims(weight).slice(2);
  const y = n.op('aten::conv', [x, weight, bias], { ...convAttrs(n, kernel, n.builder.dims(x)), activation: 0 });
  if (n.builder.dims(y) !== null) return y;
  // Where nothing is known of x, the weight says the rank.
  const dims = [n.builder.freshSymbol(), n.dims(weight)[0] as number, ...kernel.map(() => n.builder.freshSymbol())];
  return n.know(y, { dtype: 'float32', dims });
}

/** Geometry of a convolution as core's attributes. */
export function convAttrs(n: RuleContext, kernel: Dims, x: readonly (number | string)[] | null): Attrs {
  const { stride, padding, dilation } = geometryOf(n, kernel, x);
  return { stride, padding, dilation, groups: n.attr('group', 1) };
}

/** Pads are what `output_shape` or `auto_pad` leave of the full size; output padding is cut from the end. */
const convTranspose: Rule = (n) => {
  const [x, weight, bias] = [n.input(0), n.input(1), n.optional(2)];
  const kernel = n.dims(weight).slice(2);
  const ones = kernel.map(() => 1);
  const stride = n.list('strides', ones);
  const dilation = n.list('dilations', ones);
  const outputPadding = n.list(
    'output_padding',
    kernel.map(() => 0),
  );
  const padding = [
    ...n.list(
      'pads',
      [...kernel, ...kernel].map(() => 0),
    ),
  ];
  const auto = n.text('auto_pad', 'NOTSET');
  if (n.has('output_shape') || auto.startsWith('SAME')) {
    const spatial = n.dims(x).slice(2);
    const wanted = n.has('output_shape')
      ? n.list('output_shape').slice(-kernel.length)
      : spatial.map((dim, i) => dim * (stride[i] as number));
    kernel.forEach((taps, i) => {
      const full =
        (stride[i] as number) * ((spatial[i] as number) - 1) +
        (outputPadding[i] as number) +
        (taps - 1) * (dilation[i] as number) +
        1;
      const total = full - (wanted[i] as number);
      const begin = auto === 'SAME_UPPER' ? Math.floor(total / 2) : total - Math.floor(total / 2);
      padding[i] = begin;
      padding[kernel.length + i] = total - begin;
    });
  }
  // core has no negative padding: what is missing is output padding, and what is too much is cut.
  if (padding.some((pad) => pad < 0)) throw n.unsupported('a transposed convolution with negative padding');
  const fits = outputPadding.every((pad, i) => pad < Math.max(stride[i] as number, dilation[i] as number));
  if (!fits) throw n.unsupported('output_padding of at least the stride');
  return n.op('aten::conv_transpose', [x, weight, bias], {
    stride,
    padding,
    dilation,
    groups: n.attr('group', 1),
    outputPadding,
  });
};

/** Inference form: scale, bias, mean, variance. */
const batchNorm: Rule = (n) => {
  if (n.attr('training_mode', 0) === 1) throw n.unsupported('training_mode 1; export the model for inference');
  const [x, weight, bias, mean, variance] = [0, 1, 2, 3, 4].map((i) => n.input(i)) as [
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  return n.op('aten::batch_norm', [x, weight, bias, mean, variance], { eps: n.attr('epsilon', 1e-5) });
};

/** Over the dims from `axis` on; with the mean and 1 / sqrt(variance + eps) where they are asked for. */
const layerNorm: Rule = (n) => {
  const y = normalized(n);
  if (n.node.outputs === 1) return y;
  const x = n.input(0);
  const rank = n.rank(x);
  const axis = n.attr('axis', -1);
  const dims = Array.from({ length: axis < 0 ? -axis : rank - axis }, (_, i) => rank - 1 - i);
  const mean = n.op('aten::mean', [x], { dims, keepDim: 1 });
  const centred = n.op('aten::sub', [x, mean]);
  const variance = n.op('aten::mean', [n.op('aten::mul', [centred, centred])], { dims, keepDim: 1 });
  const shifted = n.op('aten::add', [variance, scalar(n, n.attr('epsilon', 1e-5))]);
  return [y, mean, n.op('aten::reciprocal', [n.op('aten::sqrt', [shifted])])];
};

/** A scale or bias of fewer dims than are normalized over is applied behind. */
function normalized(n: RuleContext): Value {
  const x = n.input(0);
  const axis = n.attr('axis', -1);
  const [weight, bias] = [n.input(1), n.optional(2)];
  const axes = axis < 0 ? -axis : n.rank(x) - axis;
  const eps = n.attr('epsilon', 1e-5);
  if (n.rank(weight) === axes && (bias === null || n.rank(bias) === axes)) {
    return n.op('aten::layer_norm', [x, weight, bias], { axes, eps });
  }
  const scaled = n.op('aten::mul', [n.op('aten::layer_norm', [x, null, null], { axes, eps }), weight]);
  return bias === null ? scaled : n.op('aten::add', [scaled, bias]);
}

/** One group a channel. */
const instanceNorm: Rule = (n) => {
  const [x, weight, bias] = [n.input(0), n.input(1), n.input(2)];
  const channels = n.shape(weight)[0];
  if (typeof channels !== 'number') throw DEFERRED;
  return n.op('aten::group_norm', [x, weight, bias], { groups: channels, eps: n.attr('epsilon', 1e-5) });
};

/** Scale and bias are of groups before opset 21, of channels since. */
const groupNorm: Rule = (n) => {
  const [x, weight, bias] = [n.input(0), n.input(1), n.input(2)];
  const groups = n.attr('num_groups');
  const eps = n.attr('epsilon', 1e-5);
  const channels = n.shape(x)[1];
  if (n.version >= 21 || n.dims(weight)[0] === channels)
    return n.op('aten::group_norm', [x, weight, bias], { groups, eps });
  if (typeof channels !== 'number') throw DEFERRED;
  const perChannel = (value: Value): Value => {
    const repeated = n.op('aten::expand', [n.op('aten::unsqueeze', [value], { dim: 1 })], {
      dims: [groups, channels / groups],
    });
    return n.op('aten::reshape', [repeated], { dims: [channels] });
  };
  return n.op('aten::group_norm', [x, perChannel(weight), perChannel(bias)], { groups, eps });
};

const maxPool: Rule = (n) => {
  if (n.node.outputs > 1) throw n.unsupported('the output Indices');
  const x = n.input(0);
  const dtype = n.dtype(x);
  const { kernel, stride, padding, dilation, ceilMode } = poolOf(n, x);
  const attrs = { kernel, stride, padding, dilation, ceilMode };
  if (dtype === 'float32' && padding.every((pad, i) => 2 * pad <= reachOf(attrs, i % kernel.length))) {
    return n.op('aten::max_pool', [x], attrs);
  }
  if (dtype === 'float32') {
    const padded = constantPad(
      n,
      x,
      [0, 0, ...padding.slice(0, kernel.length), 0, 0, ...padding.slice(kernel.length)],
      negativeFill(n),
    );
    return n.op('aten::max_pool', [padded], { ...attrs, padding: padding.map(() => 0) });
  }
  if (dtype !== 'uint8' && dtype !== 'int8') throw n.unsupported(`a pool of ${dtype}`);
  return n.op('quantized::max_pool2d', [x], attrs);
};

/** A window that core's pool does not take (dilated, or padded by more than half) is a convolution with ones. */
const averagePool: Rule = (n) => averaged(n, n.input(0));

export function averaged(n: RuleContext, x: Value): Value {
  const { kernel, stride, padding, dilation, ceilMode } = poolOf(n, x);
  const countIncludePad = n.attr('count_include_pad', 0);
  const plain =
    dilation.every((d) => d === 1) && padding.every((pad, i) => 2 * pad <= (kernel[i % kernel.length] as number));
  if (plain) return n.op('aten::avg_pool', [x], { kernel, stride, padding, ceilMode, countIncludePad, divisor: 0 });
  const dims = n.dims(x);
  const channels = dims[1] as number;
  const geometry = {
    stride,
    dilation,
    groups: channels,
    activation: 0,
    padding: ceilMode === 1 ? ceilPadding(n, x) : padding,
  };
  const ones = n.constant(filled([channels, 1, ...kernel], 1, 'float32'));
  const sum = n.op('aten::conv', [x, ones, null], geometry);
  // Places that count: of the input, or of the input with its padding, but not what rounding up has added.
  const spatial = dims
    .slice(2)
    .map((dim, i) => (countIncludePad ? dim + (padding[i] as number) + (padding[i + kernel.length] as number) : dim));
  const places = n.constant(filled([1, channels, ...spatial], 1, 'float32'));
  const extra = geometry.padding.map((pad, i) => (countIncludePad ? pad - (padding[i] as number) : pad));
  return n.op('aten::div', [sum, n.op('aten::conv', [places, ones, null], { ...geometry, padding: extra })]);
}

/** Padding with as much at the end as a window count that is rounded up needs. */
function ceilPadding(n: RuleContext, x: Value): number[] {
  const { kernel, stride, padding, dilation } = poolOf(n, x);
  const rank = kernel.length;
  return padding.map((pad, i) => {
    if (i < rank) return pad;
    const axis = i - rank;
    const [dim, step] = [n.dims(x)[axis + 2] as number, stride[axis] as number];
    const free =
      dim + (padding[axis] as number) + pad - (dilation[axis] as number) * ((kernel[axis] as number) - 1) - 1;
    const last = Math.ceil(free / step);
    // A window that starts in the padding at the end does not count.
    const steps = last * step >= dim + (padding[axis] as number) ? last - 1 : last;
    return pad + Math.max(0, steps * step - free);
  });
}

function reachOf({ kernel, dilation }: { kernel: Dims; dilation: Dims }, axis: number): number {
  return (dilation[axis] as number) * ((kernel[axis] as number) - 1) + 1;
}

function poolOf(n: RuleContext, x: Value): Window & { ceilMode: number } {
  return { ...geometryOf(n, n.list('kernel_shape'), n.builder.dims(x)), ceilMode: n.attr('ceil_mode', 0) };
}

/** Over all spatial axes, to one element each. */
const globalAverage: Rule = (n) => globallyAveraged(n, n.input(0));

export function globallyAveraged(n: RuleContext, x: Value): Value {
  const spatial = n.rank(x) - 2;
  return n.op('aten::adaptive_avg_pool', [x], { outputSize: new Array<number>(spatial).fill(1) });
}

const globalMax: Rule = (n) => {
  const x = n.input(0);
  return n.op('aten::amax', [x], { dims: Array.from({ length: n.rank(x) - 2 }, (_, i) => i + 2), keepDim: 1 });
};

/** alpha A' B' + beta C. */
const gemm: Rule = (n) => {
  const c = n.optional(2);
  const [alpha, beta] = [n.attr('alpha', 1), n.attr('beta', 1)];
  const a = n.attr('transA', 0) === 1 ? n.op('aten::permute', [n.input(0)], { dims: [1, 0] }) : n.input(0);
  if (n.dtype(a) !== 'float32') throw n.unsupported(`${n.dtype(a)} values`);
  return gemmOf(n, a, n.input(1), c, { alpha, beta });
};

/** alpha a b' + beta c, where b is turned as the attribute `transB` says. */
export function gemmOf(
  n: RuleContext,
  a: Value,
  b: Value,
  c: Value | null,
  { alpha, beta }: { alpha: number; beta: number },
): Value {
  const isTurned = n.attr('transB', 0) === 1;
  const bias = beta === 1 && alpha === 1 ? c : null;
  const linear = linearOf(n, a, b, { transposed: isTurned, bias });
  if (linear !== null)
    return alpha === 1 && (c === null || linear.hasBias) ? linear.value : scaledSum(n, linear.value, c, alpha, beta);
  const right = isTurned ? n.op('aten::permute', [b], { dims: [1, 0] }) : b;
  return scaledSum(n, n.op('aten::matmul', [a, right]), c, alpha, beta);
}

function scaledSum(n: RuleContext, product: Value, c: Value | null, alpha: number, beta: number): Value {
  const scaled = (value: Value, by: number): Value => (by === 1 ? value : n.op('aten::mul', [value, scalar(n, by)]));
  const left = scaled(product, alpha);
  return c === null || beta === 0 ? left : n.op('aten::add', [left, scaled(c, beta)]);
}

/** A constant matrix on the right makes a linear. Vectors become matrices for the product, as in NumPy. */
const matmul: Rule = (n) => {
  const [a, b] = [n.input(0), n.input(1)];
  if (n.dtype(a) !== 'float32') throw n.unsupported(`${n.dtype(a)} values`);
  return linearOrProduct(n, a, b);
};

export function linearOrProduct(n: RuleContext, a: Value, b: Value): Value {
  return linearOf(n, a, b, { transposed: false, bias: null })?.value ?? product(n, a, b);
}

export function product(n: RuleContext, a: Value, b: Value): Value {
  const [aDims, bDims] = [n.builder.dims(a), n.builder.dims(b)];
  const [vectorLeft, vectorRight] = [aDims?.length === 1, bDims?.length === 1];
  if (!vectorLeft && !vectorRight) return n.op('aten::matmul', [a, b]);
  const left = vectorLeft ? n.op('aten::unsqueeze', [a], { dim: 0 }) : a;
  const right = vectorRight ? n.op('aten::unsqueeze', [b], { dim: 1 }) : b;
  const y = n.op('aten::matmul', [left, right]);
  const gone = [...(vectorLeft ? [-2] : []), ...(vectorRight ? [-1] : [])];
  return n.op('aten::squeeze', [y], { dims: gone });
}

/** Inference: the input itself, and a mask of true. */
const dropout: Rule = (n) => {
  const x = n.input(0);
  if (n.optional(2) !== null && n.number(n.input(2)) !== 0 && (n.optional(1) === null || n.number(n.input(1)) !== 0)) {
    throw n.unsupported('training_mode; export the model for inference');
  }
  if (n.node.outputs < 2) return x;
  const dims = n.dims(x);
  return [x, n.constant(new Tensor('bool', new Uint8Array(sizeOf(dims)).fill(1), dims))];
};

export const NN_RULES: Readonly<Record<string, Rule>> = {
  AveragePool: averagePool,
  BatchNormalization: batchNorm,
  Conv: conv,
  ConvTranspose: convTranspose,
  Dropout: dropout,
  Gemm: gemm,
  GlobalAveragePool: globalAverage,
  GlobalMaxPool: globalMax,
  GroupNormalization: groupNorm,
  InstanceNormalization: instanceNorm,
  LayerNormalization: layerNorm,
  MatMul: matmul,
  MaxPool: maxPool,
};
