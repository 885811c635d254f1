import { DTYPES, type DType, type QParams } from '@octavo/core';
import type { Rule, RuleContext } from '../../import/rule.js';
import { leafQParams } from '../../ir/static-qparams.js';
import type { Value } from '../../ir/value.js';
import { ADD_LINEAR, addLinearAttrs } from '../../passes/fuse-onnx-add.js';
import { askedDType } from './dtypes.js';
import { linearOf } from './linear.js';
import { cast, scalar } from './math.js';
import { averaged, convAttrs, convolution, gemmOf, globallyAveraged, linearOrProduct, product } from './nn.js';

// Quantized operators. Those of static quantization (QLinearConv and its like) are their definition: float operators
// between DequantizeLinear and QuantizeLinear, as QDQ models have them; `passes/fuse-static.ts` makes int8 ops of both.

/** A scale of one element without dims, whatever form it has; others as they are. */
export function scaleOf(n: RuleContext, value: Value): Value {
  return n.builder.dims(value)?.length === 0 ? value : single(n, value);
}

function single(n: RuleContext, value: Value): Value {
  const dims = n.builder.dims(value);
  return dims?.length === 1 && dims[0] === 1 ? n.op('aten::reshape', [value], { dims: [] }) : value;
}

export function zeroOf(n: RuleContext, index: number): Value | null {
  const value = n.optional(index);
  return value === null ? null : single(n, value);
}

/** x / scale, rounded, plus the zero point, whose dtype (or `output_dtype`) is that of the codes. */
const quantizeLinear: Rule = (n) => {
  const asked = n.attr('output_dtype', 0);
  const dtype = asked === 0 ? undefined : askedDType(n, asked);
  return quantized(n, n.input(0), [n.input(1), zeroOf(n, 2)], { ...layout(n), ...(dtype && { dtype }) });
};

interface Layout {
  readonly axis?: number;
  readonly blockSize?: number;
}

type QParamValues = readonly [scale: Value, zeroPoint: Value | null];

/** Codes of floats. Those of constants are computed now, however many there are: a file may hold its weights so. */
function quantized(
  n: RuleContext,
  x: Value,
  [scale, zero]: QParamValues,
  { axis = 1, blockSize = 0, dtype = zero === null ? 'uint8' : n.dtype(zero) }: Layout & { dtype?: DType } = {},
): Value {
  if (dtype !== 'uint8' && dtype !== 'int8') throw n.unsupported(`codes of ${dtype}`);
  const attrs = { axis, blockSize, dtype: DTYPES[dtype].code };
  return n.builder.ops('octavo::quantize_linear', [x, scaleOf(n, scale), zero], attrs, 'always')[0] as Value;
}

/**
 * Floats of codes. Of constants, biases (int32) and single numbers are computed now; weights and tables stay codes, for
 * kernels that take them.
 */
export function dequantized(
  n: RuleContext,
  codes: Value,
  [scale, zero]: QParamValues,
  { axis = 1, blockSize = 0 }: Layout = {},
): Value {
  const folding = n.dtype(codes) === 'int32' || n.builder.dims(codes)?.length === 0 ? 'always' : 'never';
  const inputs = [codes, scaleOf(n, scale), zero];
  return n.builder.ops('octavo::dequantize_linear', inputs, { axis, blockSize }, folding)[0] as Value;
}

const dequantizeLinear: Rule = (n) => dequantized(n, n.input(0), [n.input(1), zeroOf(n, 2)], layout(n));

function layout(n: RuleContext) {
  return { axis: n.attr('axis', 1), blockSize: n.attr('block_size', 0) };
}

const matmulInteger: Rule = (n) =>
  n.op('octavo::matmul_integer', [n.input(0), n.input(1), n.optional(2), n.optional(3)]);

const convInteger: Rule = (n) => {
  const [x, w] = [n.input(0), n.input(1)];
  const attrs = convAttrs(n, n.dims(w).slice(2), n.builder.dims(x));
  return n.op('octavo::conv_integer', [x, w, n.optional(2), n.optional(3)], attrs);
};

/** Floats of the codes at `index`, with the scale and zero point behind them. */
function floatsAt(n: RuleContext, index: number, axis = 1): Value {
  return dequantized(n, n.input(index), [n.input(index + 1), zeroOf(n, index + 2)], { axis });
}

/** Codes of floats by the scale at `scale` and the zero point behind it. */
function codesBy(n: RuleContext, value: Value, scale: number): Value {
  return quantized(n, value, [n.input(scale), zeroOf(n, scale + 1)]);
}

/** An int32 bias: its scale is that of the sums it is added to. */
function biasOf(n: RuleContext, bias: Value | null, scale: Value): Value | null {
  return bias === null ? null : dequantized(n, bias, [scale, null], { axis: 0 });
}

function productOf(n: RuleContext, a: Value, b: Value): Value {
  return n.op('aten::mul', [scaleOf(n, a), scaleOf(n, b)]);
}

/** x, its scale and zero point, w, its scale and zero point, y's scale and zero point, int32 bias. */
const qlinearConv: Rule = (n) => {
  const bias = biasOf(n, n.optional(8), productOf(n, n.input(1), n.input(4)));
  return codesBy(n, convolution(n, floatsAt(n, 0), floatsAt(n, 3, 0), bias), 6);
};

/** a, its scale and zero point, b, its, y's. Scales of a may be of rows, those of b of columns. */
const qlinearMatmul: Rule = (n) =>
  codesBy(n, linearOrProduct(n, floatsAt(n, 0, -2), floatsAt(n, 3, n.rank(n.input(3)) - 1)), 6);

/** com.microsoft QGemm: a, scale, zero point, b, scale, zero point, int32 c, and, for codes out, y's scale and zero point. */
const qgemm: Rule = (n) => {
  const alpha = n.attr('alpha', 1);
  // Turned as codes, so that they stay beside the product.
  const codes = n.attr('transA', 0) === 1 ? n.op('aten::permute', [n.input(0)], { dims: [1, 0] }) : n.input(0);
  const a = dequantized(n, codes, [n.input(1), zeroOf(n, 2)]);
  // alpha (a b + c): it scales b's scale.
  const scale = alpha === 1 ? n.input(4) : n.op('aten::mul', [n.input(4), scalar(n, alpha)]);
  const b = dequantized(n, n.input(3), [scale, zeroOf(n, 5)], { axis: n.attr('transB', 0) === 1 ? 0 : 1 });
  const c = n.optional(6);
  const bias = c === null ? null : flat(n, c);
  const y = gemmOf(n, a, b, biasOf(n, bias, productOf(n, n.input(1), scale)), { alpha: 1, beta: 1 });
  return n.optional(7) === null ? y : codesBy(n, y, 7);
};

/** A bias [1, out] as [out]. */
function flat(n: RuleContext, c: Value): Value {
  const dims = n.builder.dims(c);
  return dims?.length === 2 && dims[0] === 1 ? n.op('aten::reshape', [c], { dims: [-1] }) : c;
}

/** com.microsoft element-wise ops of two quantized tensors. */
const qlinearBinary =
  (op: string): Rule =>
  (n) =>
    codesBy(n, n.op(op, [floatsAt(n, 0), floatsAt(n, 3)]), 6);

/** com.microsoft QLinearAdd has a rounding of its own, of codes of one dtype with constant qparams. */
const qlinearAdd: Rule = (n) => {
  const qparams = [1, 4, 6].map((scale) => leafQParams(n.input(scale), n.optional(scale + 1)));
  const [a, b, y] = qparams as [QParams, QParams, QParams];
  if (qparams.includes(undefined) || n.dtype(n.input(0)) !== n.dtype(n.input(3))) return qlinearBinary('aten::add')(n);
  return n.op(ADD_LINEAR, [n.input(0), n.input(3)], addLinearAttrs(a, b, y));
};

/** com.microsoft functions of one quantized tensor. */
const qlinearUnary =
  (compute: (n: RuleContext, x: Value) => Value): Rule =>
  (n) => {
    if (n.attr('channels_last', 0) === 1) throw n.unsupported('channels_last');
    return codesBy(n, compute(n, floatsAt(n, 0)), 3);
  };

const qlinearLeakyRelu = qlinearUnary((n, x) =>
  n.op('aten::leaky_relu', [x], { negativeSlope: n.attr('alpha', 0.01) }),
);

/** com.microsoft QLinearSoftmax names the operator set whose Softmax it means. */
const qlinearSoftmax = qlinearUnary((n, x) => {
  const axis = n.attr('axis', -1);
  if (n.attr('opset', 13) >= 13 || axis === -1 || axis === n.rank(x) - 1)
    return n.op('aten::softmax', [x], { dim: axis });
  throw n.unsupported('a softmax over more than one axis');
});

/** com.microsoft QLinearConcat: y's scale and zero point, then each operand with its own. */
const qlinearConcat: Rule = (n) => {
  const count = Math.floor((n.node.inputs.length - 2) / 3);
  const parts = Array.from({ length: count }, (_, i) => floatsAt(n, 2 + 3 * i));
  return codesBy(n, n.op('aten::cat', parts, { dim: n.attr('axis') }), 0);
};

/** com.microsoft DynamicQuantizeMatMul: x, b codes, b's scale and zero point, float bias. */
const dynamicQuantizeMatmul: Rule = (n) => {
  const [codes, scale, zero] = n.builder.ops('octavo::dynamic_quantize_linear', [n.input(0)]) as [Value, Value, Value];
  const sum = n.op('octavo::matmul_integer', [codes, n.input(1), zero, n.optional(3)]);
  const scaled = n.op('aten::mul', [cast(n, sum, 'float32'), n.op('aten::mul', [scale, n.input(2)])]);
  const bias = n.optional(4);
  return bias === null ? scaled : n.op('aten::add', [scaled, bias]);
};

/** com.microsoft MatMulIntegerToFloat: a, b codes, scales, zero points, float bias. */
const matmulIntegerToFloat: Rule = (n) =>
  floatProduct(n, {
    a: n.input(0),
    b: n.input(1),
    scales: [n.input(2), n.input(3)],
    zeros: [4, 5],
    bias: n.optional(6),
  });

interface CodesProduct {
  readonly a: Value;
  readonly b: Value;
  readonly scales: readonly [a: Value, b: Value];
  /** Which inputs the zero points are. */
  readonly zeros: readonly [a: number, b: number];
  readonly bias: Value | null;
}

/**
 * The float product of codes. By a range that is known before the run it is a product of floats that
 * `passes/fuse-static.ts` makes an int8 kernel of; else sums and scales, for `passes/fuse-onnx-dynamic.ts`.
 */
export function floatProduct(n: RuleContext, { a, b, scales, zeros, bias }: CodesProduct): Value {
  const isStatic = n.builder.tensor(scales[0]) !== undefined && n.builder.tensor(b) !== undefined;
  if (isStatic) {
    const weight = dequantized(n, b, [scales[1], zeroOf(n, zeros[1])], { axis: n.rank(b) - 1 });
    const x = dequantized(n, a, [scales[0], zeroOf(n, zeros[0])]);
    const linear = linearOf(n, x, weight, { transposed: false, bias });
    const value = linear?.value ?? product(n, x, weight);
    return bias === null || linear?.hasBias ? value : n.op('aten::add', [value, bias]);
  }
  const sum = n.op('octavo::matmul_integer', [a, b, n.optional(zeros[0]), n.optional(zeros[1])]);
  const scaled = n.op('aten::mul', [cast(n, sum, 'float32'), n.op('aten::mul', [scales[0], scales[1]])]);
  return bias === null ? scaled : n.op('aten::add', [scaled, bias]);
}

export const QUANTIZED_RULES: Readonly<Record<string, Rule>> = {
  ConvInteger: convInteger,
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: (n) => n.builder.ops('octavo::dynamic_quantize_linear', [n.input(0)]),
  MatMulInteger: matmulInteger,
  QLinearConv: qlinearConv,
  QLinearMatMul: qlinearMatmul,
  QuantizeLinear: quantizeLinear,
  'com.microsoft::DequantizeLinear': dequantizeLinear,
  'com.microsoft::DynamicQuantizeMatMul': dynamicQuantizeMatmul,
  'com.microsoft::MatMulIntegerToFloat': matmulIntegerToFloat,
  'com.microsoft::QGemm': qgemm,
  'com.microsoft::QLinearAdd': qlinearAdd,
  'com.microsoft::QLinearAveragePool': qlinearUnary(averaged),
  'com.microsoft::QLinearConcat': qlinearConcat,
  'com.microsoft::QLinearGlobalAveragePool': qlinearUnary(globallyAveraged),
  'com.microsoft::QLinearLeakyRelu': qlinearLeakyRelu,
  'com.microsoft::QLinearMul': qlinearBinary('aten::mul'),
  'com.microsoft::QLinearSigmoid': qlinearUnary((n, x) => n.op('aten::sigmoid', [x])),
  'com.microsoft::QLinearSoftmax': qlinearSoftmax,
  'com.microsoft::QuantizeLinear': quantizeLinear,
};
