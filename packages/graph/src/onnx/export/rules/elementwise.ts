import { DTYPES, type DType } from '@octavo/core';
import { ONNX_TYPES } from '../model-writer.js';
import { type ExportRule, gelu, geluTanh } from '../rule.js';

/** An op that ONNX has under another name, with the same operands. */
const plain =
  (type: string): ExportRule =>
  (n) =>
    n.writer.op(
      type,
      n.node.inputs.map((_, i) => n.input(i)),
    );

/** An op of one operand with float attributes: ONNX's name of each, and ours. */
const withFloats =
  (type: string, attrs: Readonly<Record<string, string>>): ExportRule =>
  (n) =>
    n.writer.op(
      type,
      [n.input(0)],
      Object.fromEntries(Object.entries(attrs).map(([name, own]) => [name, { float: n.number(own) }])),
    );

const clamp: ExportRule = (n) => {
  const bound = (name: string): string => (Number.isFinite(n.number(name)) ? n.writer.scalar(n.number(name)) : '');
  return n.writer.op('Clip', [n.input(0), bound('min'), bound('max')]);
};

/** Celu's second factor is the inverse of the first; elu has none. */
const elu: ExportRule = (n) => {
  const [alpha, inputScale] = [n.number('alpha', 1), n.number('inputScale', 1)];
  if (inputScale === 1) return n.writer.op('Elu', [n.input(0)], { alpha: { float: alpha } });
  if (Math.fround(1 / alpha) !== Math.fround(inputScale)) {
    throw n.unsupported(`alpha ${alpha} with an input scale of ${inputScale}`);
  }
  return n.writer.op('Celu', [n.input(0)], { alpha: { float: alpha } });
};

const silu: ExportRule = (n) => n.writer.op('Mul', [n.input(0), n.writer.op('Sigmoid', [n.input(0)])]);

const cast: ExportRule = (n) => {
  const dtype = (Object.keys(DTYPES) as DType[]).find((name) => DTYPES[name].code === n.number('dtype')) as DType;
  return n.writer.op('Cast', [n.input(0)], { to: ONNX_TYPES[dtype] });
};

/** The sign of the divisor for integers, as Python's; ONNX has no such remainder of floats. */
const remainder: ExportRule = (n) => {
  if (n.dtype(n.node.input(0)) === 'float32')
    throw n.unsupported('the remainder of floats with the sign of the divisor');
  return n.writer.op('Mod', [n.input(0), n.input(1)]);
};

export const ELEMENTWISE_RULES: Readonly<Record<string, ExportRule>> = {
  'aten::abs': plain('Abs'),
  'aten::add': plain('Add'),
  'aten::ceil': plain('Ceil'),
  'aten::clamp': clamp,
  'aten::cos': plain('Cos'),
  'aten::div': plain('Div'),
  'aten::elu': elu,
  'aten::eq': plain('Equal'),
  'aten::erf': plain('Erf'),
  'aten::exp': plain('Exp'),
  'aten::floor': plain('Floor'),
  'aten::fmod': (n) => n.writer.op('Mod', [n.input(0), n.input(1)], { fmod: 1 }),
  'aten::gelu': (n) => gelu(n.writer, n.input(0)),
  'aten::gelu_tanh': (n) => geluTanh(n.writer, n.input(0)),
  // ONNX's own default of alpha is 0.2.
  'aten::hardsigmoid': (n) =>
    n.writer.op('HardSigmoid', [n.input(0)], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }),
  'aten::hardswish': plain('HardSwish'),
  'aten::le': plain('LessOrEqual'),
  'aten::leaky_relu': withFloats('LeakyRelu', { alpha: 'negativeSlope' }),
  'aten::log': plain('Log'),
  'aten::logical_and': plain('And'),
  'aten::logical_not': plain('Not'),
  'aten::logical_or': plain('Or'),
  'aten::logical_xor': plain('Xor'),
  'aten::lt': plain('Less'),
  'aten::maximum': plain('Max'),
  'aten::minimum': plain('Min'),
  'aten::mul': plain('Mul'),
  'aten::neg': plain('Neg'),
  'aten::pow': plain('Pow'),
  'aten::reciprocal': plain('Reciprocal'),
  'aten::relu': plain('Relu'),
  'aten::remainder': remainder,
  'aten::round': plain('Round'),
  'aten::sigmoid': plain('Sigmoid'),
  'aten::sign': plain('Sign'),
  'aten::silu': silu,
  'aten::sin': plain('Sin'),
  'aten::sqrt': plain('Sqrt'),
  'aten::sub': plain('Sub'),
  'aten::tanh': plain('Tanh'),
  'aten::to': cast,
  'aten::where': plain('Where'),
  'octavo::add_integers': plain('Add'),
  'octavo::div_integers': plain('Div'),
  'octavo::mul_integers': plain('Mul'),
  'octavo::sub_integers': plain('Sub'),
};
