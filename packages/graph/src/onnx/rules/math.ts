import { DTYPES, type DType, sizeOf, Tensor } from '@octavo/core';
import type { Dim } from '../../import/facts.js';
import type { Rule, RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { askedDType, dtypeCode, isInteger } from './dtypes.js';

/** An op of one operand. */
const unary =
  (op: string): Rule =>
  (n) =>
    n.op(op, [n.input(0)]);

/** Arithmetic: one op for floats, one for integers. */
const arithmetic =
  (float: string, integers: string): Rule =>
  (n) =>
    n.op(isInteger(n.dtype(n.input(0))) ? integers : float, [n.input(0), n.input(1)]);

const binary =
  (op: string): Rule =>
  (n) =>
    n.op(op, [n.input(0), n.input(1)]);

/** A comparison with its operands the other way round. */
const swapped =
  (op: string): Rule =>
  (n) =>
    n.op(op, [n.input(1), n.input(0)]);

/** An op of any number of operands, one after the other. */
const variadic =
  (float: string, integers: string): Rule =>
  (n) =>
    n.node.inputs.map((_, i) => n.input(i)).reduce((a, b) => n.op(isInteger(n.dtype(a)) ? integers : float, [a, b]));

/** A tensor without dims of this dtype. */
export function scalar(n: RuleContext, value: number, dtype: DType = 'float32'): Value {
  return n.constant(Tensor.from(dtype === 'int64' ? BigInt(value) : value, { dtype }));
}

const negative: Rule = (n) => {
  const x = n.input(0);
  const dtype = n.dtype(x);
  return isInteger(dtype) ? n.op('octavo::sub_integers', [scalar(n, 0, dtype), x]) : n.op('aten::neg', [x]);
};

const relu: Rule = (n) => {
  const x = n.input(0);
  const dtype = n.dtype(x);
  return isInteger(dtype) ? n.op('aten::maximum', [x, scalar(n, 0, dtype)]) : n.op('aten::relu', [x]);
};

/** The largest float32: as a bound of `aten::clamp` it is no limit. */
const LARGEST = 3.4028234663852886e38;

/** Bounds are operands since opset 11. Constant ones of floats are attributes of core's op. */
const clip: Rule = (n) => {
  const x = n.input(0);
  const [low, high] = [n.optional(1), n.optional(2)];
  const constant = [low, high].every((bound) => bound === null || n.builder.tensor(bound) !== undefined);
  if (n.dtype(x) === 'float32' && constant) {
    const min = low === null ? -LARGEST : Math.max(n.number(low), -LARGEST);
    const max = high === null ? LARGEST : Math.min(n.number(high), LARGEST);
    if (min <= max) return n.op('aten::clamp', [x], { min, max });
  }
  const above = low === null ? x : n.op('aten::maximum', [x, low]);
  return high === null ? above : n.op('aten::minimum', [above, high]);
};

/** max(0, min(1, alpha x + beta)); core's op is PyTorch's, with alpha 1/6 and beta 1/2. */
const hardSigmoid: Rule = (n) => {
  const [alpha, beta] = [n.attr('alpha', Math.fround(0.2)), n.attr('beta', 0.5)];
  if (Math.fround(alpha) === Math.fround(1 / 6) && beta === 0.5) return n.op('aten::hardsigmoid', [n.input(0)]);
  const scaled = n.op('aten::mul', [n.input(0), scalar(n, alpha)]);
  return n.op('aten::clamp', [n.op('aten::add', [scaled, scalar(n, beta)])], { min: 0, max: 1 });
};

/** x, or slope * x below 0; the slope is broadcast. */
const prelu: Rule = (n) => {
  const x = n.input(0);
  const isNegative = n.op('aten::lt', [x, scalar(n, 0, n.dtype(x))]);
  return n.op('aten::where', [isNegative, n.op('aten::mul', [x, n.input(1)]), x]);
};

/** By erf, or by tanh. */
const gelu: Rule = (n) =>
  n.op(n.text('approximate', 'none') === 'tanh' ? 'aten::gelu_tanh' : 'aten::gelu', [n.input(0)]);

/** Before opset 13 softmax ran over a matrix of which `axis` says where the second dim begins. */
const softmax =
  (op: string): Rule =>
  (n) => {
    const x = n.input(0);
    if (n.version >= 13) return n.op(op, [x], { dim: n.attr('axis', -1) });
    const rank = n.rank(x);
    const axis = n.attr('axis', 1);
    if ((axis < 0 ? axis + rank : axis) === rank - 1) return n.op(op, [x], { dim: -1 });
    const matrix = n.op(op, [n.op('octavo::flatten_to_matrix', [x], { dim: axis })], { dim: -1 });
    return n.op('aten::reshape', [matrix], { dims: n.dims(x) });
  };

/** The exponent may be of another dtype; the result is of the base's. */
const pow: Rule = (n) => {
  const [base, exponent] = [n.input(0), n.input(1)];
  if (n.dtype(base) === n.dtype(exponent)) return n.op('aten::pow', [base, exponent]);
  const asFloat = (value: Value): Value => cast(n, value, 'float32');
  return cast(n, n.op('aten::pow', [asFloat(base), asFloat(exponent)]), n.dtype(base));
};

const modulo: Rule = (n) => n.op(n.attr('fmod', 0) === 1 ? 'aten::fmod' : 'aten::remainder', [n.input(0), n.input(1)]);

export function cast(n: RuleContext, value: Value, dtype: DType): Value {
  if (n.dtype(value) === dtype) return value;
  const content = n.builder.content(value);
  const result = n.op('aten::to', [value], { dtype: dtypeCode(dtype) });
  const dims = n.builder.dims(value);
  // A shape that passes through another integer type is the same shape.
  if (content !== null && isInteger(dtype) && n.builder.tensor(result) === undefined)
    n.know(result, { dtype, dims, content });
  return result;
}

const castRule: Rule = (n) => cast(n, n.input(0), askedDType(n, n.attr('to')));

const castLike: Rule = (n) => cast(n, n.input(0), n.dtype(n.input(1)));

/** Shape arithmetic keeps symbols where it can: x * 1, x + 0, x / 1, and numbers; equal expressions are equal symbols. */
function shapeArithmetic(rule: Rule, sign: string, compute: (a: number, b: number) => number, neutral: number): Rule {
  return (n) => {
    const result = rule(n) as Value;
    const [a, b] = [n.builder.content(n.input(0)), n.builder.content(n.input(1))];
    const dims = n.builder.dims(result);
    if (a === null || b === null || dims === null || n.dtype(result) !== 'int64') return result;
    if (n.builder.tensor(result) !== undefined) return result;
    const count = Math.max(a.length, b.length);
    const content = Array.from({ length: count }, (_, i) => {
      const [x, y] = [a[a.length === 1 ? 0 : i], b[b.length === 1 ? 0 : i]];
      if (y === neutral && x !== undefined) return x;
      if (typeof x === 'number' && typeof y === 'number') return compute(x, y);
      if (sign === '*') return n.builder.productOf([x as Dim, y as Dim]);
      const quotient = sign === '/' ? n.builder.quotientOf([x as Dim], [y as Dim]) : undefined;
      return quotient ?? n.builder.symbolOf(`${x} ${sign} ${y}`);
    });
    return sizeOf(dims.map(() => 1)) === 1 && dims.length <= 1
      ? n.know(result, { dtype: 'int64', dims, content })
      : result;
  };
}

/** Of shape elements it is decided while importing where dims, which are never negative, leave no doubt. */
const equal: Rule = (n) => {
  const [a, b] = [n.input(0), n.input(1)];
  const decided = decidedEqual(n, a, b);
  const dims = n.builder.dims(n.dtype(a) === 'int64' ? a : b);
  if (decided === null || dims?.length !== 1) return n.op('aten::eq', [a, b]);
  return n.constant(new Tensor('bool', Uint8Array.from(decided, Number), [decided.length]));
};

function decidedEqual(n: RuleContext, a: Value, b: Value): boolean[] | null {
  const [left, right] = [n.builder.content(a), n.builder.content(b)];
  if (left === null || right === null || left.length !== right.length) return null;
  const decided = left.map((x, i) => {
    const y = right[i] as Dim;
    if (x === y) return true;
    if (typeof x === 'number' && typeof y === 'number') return false;
    const [symbol, number] = typeof x === 'string' ? [x, y] : [y as string, x];
    return typeof number === 'number' && number < 0 && n.builder.originOf(symbol) !== undefined ? false : null;
  });
  return decided.includes(null) ? null : (decided as boolean[]);
}

/** Of shape elements it keeps what is known of those that are picked. */
const where: Rule = (n) => {
  const [condition, a, b] = [n.input(0), n.input(1), n.input(2)];
  const result = n.op('aten::where', [condition, a, b]);
  const test = n.builder.tensor(condition)?.raw.data;
  const [left, right] = [n.builder.content(a), n.builder.content(b)];
  const isShape = n.dtype(a) === 'int64' && n.builder.dims(result)?.length === 1;
  if (test === undefined || !isShape || left?.length !== test.length || right?.length !== test.length) return result;
  if (n.builder.tensor(result) !== undefined) return result;
  const content = Array.from(test as Iterable<unknown>, (bit, i) => (Number(bit) === 0 ? right : left)[i] as Dim);
  return n.know(result, { dtype: 'int64', dims: [content.length], content });
};

/** NaN alone differs from itself. */
const isNaNRule: Rule = (n) => n.op('aten::logical_not', [n.op('aten::eq', [n.input(0), n.input(0)])]);

const isInfinite: Rule = (n) => {
  const x = n.input(0);
  const is = (value: number): Value => n.op('aten::eq', [x, scalar(n, value)]);
  const [positive, negative] = [n.attr('detect_positive', 1) === 1, n.attr('detect_negative', 1) === 1];
  if (positive && negative)
    return n.op('aten::logical_or', [is(Number.POSITIVE_INFINITY), is(Number.NEGATIVE_INFINITY)]);
  if (!positive && !negative) return n.op('aten::lt', [x, x]);
  return is(positive ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);
};

const truncated = (a: number, b: number): number => (b === 0 ? 0 : Math.trunc(a / b));

export const MATH_RULES: Readonly<Record<string, Rule>> = {
  Abs: unary('aten::abs'),
  Add: shapeArithmetic(arithmetic('aten::add', 'octavo::add_integers'), '+', (a, b) => a + b, 0),
  And: binary('aten::logical_and'),
  Cast: castRule,
  CastLike: castLike,
  Ceil: unary('aten::ceil'),
  Clip: clip,
  Cos: unary('aten::cos'),
  Div: shapeArithmetic(arithmetic('aten::div', 'octavo::div_integers'), '/', truncated, 1),
  Elu: (n) => n.op('aten::elu', [n.input(0)], { alpha: n.attr('alpha', 1), inputScale: 1 }),
  Celu: (n) => n.op('aten::elu', [n.input(0)], { alpha: n.attr('alpha', 1), inputScale: 1 / n.attr('alpha', 1) }),
  Equal: equal,
  Erf: unary('aten::erf'),
  Exp: unary('aten::exp'),
  Floor: unary('aten::floor'),
  Gelu: gelu,
  'com.microsoft::Gelu': (n) => n.op('aten::gelu', [n.input(0)]),
  Greater: swapped('aten::lt'),
  GreaterOrEqual: swapped('aten::le'),
  HardSigmoid: hardSigmoid,
  HardSwish: unary('aten::hardswish'),
  LeakyRelu: (n) => n.op('aten::leaky_relu', [n.input(0)], { negativeSlope: n.attr('alpha', 0.01) }),
  IsInf: isInfinite,
  IsNaN: isNaNRule,
  Less: binary('aten::lt'),
  LessOrEqual: binary('aten::le'),
  Log: unary('aten::log'),
  LogSoftmax: softmax('aten::log_softmax'),
  Max: variadic('aten::maximum', 'aten::maximum'),
  Min: variadic('aten::minimum', 'aten::minimum'),
  Mod: modulo,
  Mul: shapeArithmetic(arithmetic('aten::mul', 'octavo::mul_integers'), '*', (a, b) => a * b, 1),
  Neg: negative,
  Not: unary('aten::logical_not'),
  Or: binary('aten::logical_or'),
  Pow: pow,
  PRelu: prelu,
  Reciprocal: unary('aten::reciprocal'),
  Relu: relu,
  Round: unary('aten::round'),
  Sigmoid: unary('aten::sigmoid'),
  Sign: unary('aten::sign'),
  Sin: unary('aten::sin'),
  Softmax: softmax('aten::softmax'),
  Sqrt: unary('aten::sqrt'),
  Sub: shapeArithmetic(arithmetic('aten::sub', 'octavo::sub_integers'), '-', (a, b) => a - b, 0),
  Sum: variadic('aten::add', 'octavo::add_integers'),
  Tanh: unary('aten::tanh'),
  Where: where,
  Xor: binary('aten::logical_xor'),
};

/** All elements of one value, of a dtype. */
export function filled(dims: readonly number[], value: number | bigint, dtype: DType): Tensor {
  const data = new DTYPES[dtype].array(sizeOf(dims));
  data.fill((dtype === 'int64' ? BigInt(value) : Number(value)) as never);
  return new Tensor(dtype, data as never, dims);
}
