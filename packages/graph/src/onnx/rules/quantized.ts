import { DTYPES, sizeOf } from '@octavo/core';
import type { Rule, RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { askedDType, dtypeCode } from './dtypes.js';
import { cast, scalar } from './math.js';
import { convAttrs } from './nn.js';

// Quantized operators as their definitions have them: exact integer products, and scales applied as ONNX says. Passes
// then put static forms onto int8 kernels.

/** A scale of one element without dims, whatever form it has; others as they are. */
function scaleOf(n: RuleContext, value: Value): Value {
  return n.builder.dims(value)?.length === 0 ? value : single(n, value);
}

function single(n: RuleContext, value: Value): Value {
  const dims = n.builder.dims(value);
  return dims?.length === 1 && dims[0] === 1 ? n.op('aten::reshape', [value], { dims: [] }) : value;
}

function zeroOf(n: RuleContext, index: number): Value | null {
  const value = n.optional(index);
  return value === null ? null : single(n, value);
}

/** x / scale, rounded, plus the zero point, whose dtype (or `output_dtype`) is that of the codes. */
const quantizeLinear: Rule = (n) => {
  const zero = zeroOf(n, 2);
  const asked = n.attr('output_dtype', 0);
  const dtype = asked !== 0 ? askedDType(n, asked) : zero === null ? 'uint8' : n.dtype(zero);
  if (dtype !== 'uint8' && dtype !== 'int8') throw n.unsupported(`codes of ${dtype}`);
  return n.op('octavo::quantize_linear', [n.input(0), scaleOf(n, n.input(1)), zero], {
    ...layout(n),
    dtype: DTYPES[dtype].code,
  });
};

const dequantizeLinear: Rule = (n) =>
  n.op('octavo::dequantize_linear', [n.input(0), scaleOf(n, n.input(1)), zeroOf(n, 2)], layout(n));

function layout(n: RuleContext) {
  return { axis: n.attr('axis', 1), blockSize: n.attr('block_size', 0) };
}

const matmulInteger: Rule = (n) =>
  n.op('octavo::matmul_integer', [n.input(0), n.input(1), n.optional(2), n.optional(3)]);

const convInteger: Rule = (n) => convSum(n, n.input(0), n.input(1), n.optional(2), n.optional(3));

function convSum(n: RuleContext, x: Value, w: Value, xZero: Value | null, wZero: Value | null): Value {
  return n.op('octavo::conv_integer', [x, w, xZero, wZero], convAttrs(n, n.dims(w).slice(2), n.builder.dims(x)));
}

/** sx * sw / sy in float32. */
function multiplier(n: RuleContext, x: Value, w: Value, y: Value): Value {
  return n.op('aten::div', [n.op('aten::mul', [scaleOf(n, x), scaleOf(n, w)]), scaleOf(n, y)]);
}

/** x, its scale and zero point, w, its scale and zero point, y's scale and zero point, int32 bias. */
const qlinearConv: Rule = (n) => {
  const sum = convSum(n, n.input(0), n.input(3), n.input(2), n.input(5));
  const bias = n.optional(8);
  const rank = n.rank(n.input(3)) - 2;
  const biased =
    bias === null
      ? sum
      : n.op('octavo::add_integers', [
          sum,
          n.op('aten::reshape', [bias], { dims: [-1, ...new Array<number>(rank).fill(1)] }),
        ]);
  const factor = multiplier(n, n.input(1), n.input(4), n.input(6));
  return n.op('octavo::requantize_linear', [biased, factor, single(n, n.input(7))], { axis: 1 });
};

/** a, its scale and zero point, b, its, y's. A scale for each column of b is one for each index of the last dim. */
const qlinearMatmul: Rule = (n) => {
  const sum = n.op('octavo::matmul_integer', [n.input(0), n.input(3), n.input(2), n.input(5)]);
  const factor = multiplier(n, n.input(1), n.input(4), n.input(6));
  return n.op('octavo::requantize_linear', [sum, factor, single(n, n.input(7))], { axis: -1 });
};

/** com.microsoft QGemm: a, scale, zero point, b, scale, zero point, int32 c, and, for codes out, y's scale and zero point. */
const qgemm: Rule = (n) => {
  const turned = (value: Value, yes: boolean): Value =>
    yes ? n.op('aten::permute', [value], { dims: [1, 0] }) : value;
  const a = turned(n.input(0), n.attr('transA', 0) === 1);
  const b = turned(n.input(3), n.attr('transB', 0) === 1);
  const sum = n.op('octavo::matmul_integer', [a, b, n.optional(2), n.optional(5)]);
  const c = n.optional(6);
  const biased = c === null ? sum : n.op('octavo::add_integers', [sum, c]);
  const scale = n.op('aten::mul', [scaleOf(n, n.input(1)), scaleOf(n, n.input(4))]);
  const alpha = n.attr('alpha', 1);
  const scaled = alpha === 1 ? scale : n.op('aten::mul', [scale, scalar(n, alpha)]);
  if (n.optional(7) === null) return n.op('aten::mul', [cast(n, biased, 'float32'), scaled]);
  const factor = n.op('aten::div', [scaled, scaleOf(n, n.input(7))]);
  return n.op('octavo::requantize_linear', [biased, factor, single(n, n.input(8))], { axis: -1 });
};

/** Floats of the codes at `index`, with the scale and zero point behind them. */
function floatsAt(n: RuleContext, index: number): Value {
  return n.op('octavo::dequantize_linear', [n.input(index), scaleOf(n, n.input(index + 1)), zeroOf(n, index + 2)], {
    axis: 1,
    blockSize: 0,
  });
}

function codesOf(n: RuleContext, value: Value, scale: number): Value {
  const zero = zeroOf(n, scale + 1);
  const dtype = zero === null ? 'uint8' : n.dtype(zero);
  return n.op('octavo::quantize_linear', [value, scaleOf(n, n.input(scale)), zero], {
    axis: 1,
    blockSize: 0,
    dtype: dtypeCode(dtype),
  });
}

/** com.microsoft element-wise ops of two quantized tensors: by way of floats, as ONNX Runtime defines them. */
const qlinearBinary =
  (op: string): Rule =>
  (n) =>
    codesOf(n, n.op(op, [floatsAt(n, 0), floatsAt(n, 3)]), 6);

/**
 * com.microsoft QLinearAdd as ONNX Runtime computes it: a f(sa / sy) + (b f(sb / sy) + offset) of the codes a and b,
 * where the offset holds all zero points; rounded to the code.
 */
const qlinearAdd: Rule = (n) => {
  const ratio = (index: number): Value => n.op('aten::div', [scaleOf(n, n.input(index)), scaleOf(n, n.input(6))]);
  const float = (value: Value): Value => cast(n, value, 'float32');
  const mul = (a: Value, b: Value): Value => n.op('aten::mul', [a, b]);
  const zero = (index: number): Value => float(single(n, n.input(index)));
  const [ratioA, ratioB] = [ratio(1), ratio(4)];
  const zeros = n.op('aten::add', [mul(ratioA, zero(2)), mul(ratioB, zero(5))]);
  const offset = n.op('aten::sub', [zero(7), zeros]);
  const b = n.op('aten::add', [mul(float(n.input(3)), ratioB), offset]);
  const sum = n.op('aten::add', [mul(float(n.input(0)), ratioA), b]);
  const dtype = dtypeCode(n.dtype(n.input(7)));
  return n.op('octavo::quantize_linear', [sum, scalar(n, 1), null], { axis: 1, blockSize: 0, dtype });
};

/** com.microsoft functions of one quantized tensor. */
const qlinearUnary =
  (op: string, attrs: (n: RuleContext) => Record<string, number> = () => ({})): Rule =>
  (n) =>
    codesOf(n, n.op(op, [floatsAt(n, 0)], attrs(n)), 3);

/** The exact sum of the codes of a plane, times f(sx / f(sy * count)). */
const qlinearGlobalAverage: Rule = (n) => {
  if (n.attr('channels_last', 0) === 1) throw n.unsupported('channels_last');
  const x = n.input(0);
  const spatial = n.dims(x).slice(2);
  const centred = n.op('octavo::sub_integers', [cast(n, x, 'int32'), cast(n, single(n, n.input(2)), 'int32')]);
  const sum = n.op('aten::sum', [centred], { dims: spatial.map((_, i) => i + 2), keepDim: 1 });
  const count = n.op('aten::mul', [scaleOf(n, n.input(3)), scalar(n, sizeOf(spatial))]);
  return n.op(
    'octavo::requantize_linear',
    [sum, n.op('aten::div', [scaleOf(n, n.input(1)), count]), single(n, n.input(4))],
    { axis: 1 },
  );
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
const matmulIntegerToFloat: Rule = (n) => {
  const sum = n.op('octavo::matmul_integer', [n.input(0), n.input(1), n.optional(4), n.optional(5)]);
  const scaled = n.op('aten::mul', [cast(n, sum, 'float32'), n.op('aten::mul', [n.input(2), n.input(3)])]);
  const bias = n.optional(6);
  return bias === null ? scaled : n.op('aten::add', [scaled, bias]);
};

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
  'com.microsoft::QLinearGlobalAveragePool': qlinearGlobalAverage,
  'com.microsoft::QLinearLeakyRelu': qlinearUnary('aten::leaky_relu', (n) => ({
    negativeSlope: n.attr('alpha', 0.01),
  })),
  'com.microsoft::QLinearMul': qlinearBinary('aten::mul'),
  'com.microsoft::QLinearSigmoid': qlinearUnary('aten::sigmoid'),
  'com.microsoft::QuantizeLinear': quantizeLinear,
};
