import { OctavoError } from '../../errors.js';
import { exp, gelu, geluTanh, sigmoid, tanh } from '../../numerics/elementary.js';
import { dequantizeValue, inverseScale, quantizeValue } from '../../numerics/quantize.js';
import { clamp } from '../../numerics/round.js';
import type { AttrKind, Attrs, OpDef } from '../op-def.js';
import { checkQParamAttrs, checkZeroPointAttrs, qparamsOf } from './codes.js';
import { lowestCode, tableOp } from './table.js';

const f = Math.fround;

/** A float32 function between codes: quantize(fn(dequantize(x))), the plain formula for every element. */
function activation(
  opcode: number,
  name: string,
  params: Readonly<Record<string, 'float'>>,
  make: (param: (name: string) => number) => (x: number) => number,
): OpDef {
  const attrs: Record<string, AttrKind> = {
    xScale: 'float',
    xZeroPoint: 'int',
    ...params,
    scale: 'float',
    zeroPoint: 'int',
  };
  return tableOp(
    name,
    opcode,
    attrs,
    (values, type) => {
      checkParams(name, values, Object.keys(params));
      checkQParamAttrs(name, values, type, 'x', '');
    },
    (values, { qmin, qmax }) => {
      const [x, y] = [qparamsOf(values, 'x'), qparamsOf(values, '')];
      const inverse = inverseScale(y.scale);
      const fn = make((param) => f(values[param] as number));
      return (code) => quantizeValue(fn(dequantizeValue(code, x.scale, x.zeroPoint)), inverse, y.zeroPoint, qmin, qmax);
    },
  );
}

function checkParams(op: string, attrs: Attrs, names: readonly string[]): void {
  for (const name of names) {
    if (typeof attrs[name] !== 'number' || Number.isNaN(attrs[name])) {
      throw new OctavoError('INVALID_ARGUMENT', `[${op}] ${name} must be a number, got ${String(attrs[name])}`);
    }
  }
}

/**
 * The same numbers under other qparams: quantize(dequantize(x)); `relu` 1 clamps below at the zero point. Before
 * `aten::cat` it makes `quantized::cat` and `cat_relu`.
 */
export const requantize: OpDef = tableOp(
  'quantized::requantize',
  54,
  { xScale: 'float', xZeroPoint: 'int', scale: 'float', zeroPoint: 'int', relu: 'int' },
  (attrs, type) => checkQParamAttrs('quantized::requantize', attrs, type, 'x', ''),
  (attrs, { qmin, qmax }) => {
    const [x, y] = [qparamsOf(attrs, 'x'), qparamsOf(attrs, '')];
    const inverse = inverseScale(y.scale);
    const low = lowestCode(attrs, y.zeroPoint, qmin);
    return (code) => quantizeValue(dequantizeValue(code, x.scale, x.zeroPoint), inverse, y.zeroPoint, low, qmax);
  },
);

/** max(x, 0) as max(code, xZeroPoint); the qparams stay. */
export const quantizedRelu: OpDef = tableOp(
  'quantized::relu',
  55,
  { xZeroPoint: 'int' },
  (attrs, type) => checkZeroPointAttrs('quantized::relu', attrs, type, 'x'),
  (attrs) => {
    const zeroPoint = attrs.xZeroPoint as number;
    return (code) => Math.max(code, zeroPoint);
  },
);

/** Codes limited to [quantize(min), quantize(max)]; the qparams stay. Also hardtanh, and relu6 as 0 to 6. */
export const quantizedClamp: OpDef = tableOp(
  'quantized::clamp',
  56,
  { xScale: 'float', xZeroPoint: 'int', min: 'float', max: 'float' },
  (attrs, type) => {
    checkQParamAttrs('quantized::clamp', attrs, type, 'x');
    if ((attrs.min as number) <= (attrs.max as number)) return;
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[quantized::clamp] min must not be above max, got ${String(attrs.min)} and ${String(attrs.max)}`,
    );
  },
  (attrs, { qmin, qmax }) => {
    const { scale, zeroPoint } = qparamsOf(attrs, 'x');
    const bound = (x: number): number => quantizeValue(f(x), inverseScale(scale), zeroPoint, qmin, qmax);
    const [low, high] = [bound(attrs.min as number), bound(attrs.max as number)];
    return (code) => clamp(code, low, high);
  },
);

/** x where x > threshold, else value; the qparams stay. */
export const quantizedThreshold: OpDef = tableOp(
  'quantized::threshold',
  57,
  { xScale: 'float', xZeroPoint: 'int', threshold: 'float', value: 'float' },
  (attrs, type) => {
    checkParams('quantized::threshold', attrs, ['threshold', 'value']);
    checkQParamAttrs('quantized::threshold', attrs, type, 'x');
  },
  (attrs, { qmin, qmax }) => {
    const { scale, zeroPoint } = qparamsOf(attrs, 'x');
    const threshold = f(attrs.threshold as number);
    const below = quantizeValue(f(attrs.value as number), inverseScale(scale), zeroPoint, qmin, qmax);
    return (code) => (dequantizeValue(code, scale, zeroPoint) > threshold ? code : below);
  },
);

/** x where x > 0, else x * negativeSlope. */
export const leakyRelu = activation(58, 'quantized::leaky_relu', { negativeSlope: 'float' }, (param) => {
  const slope = param('negativeSlope');
  return (x) => (x > 0 ? x : f(x * slope));
});

/** x min(max(x + 3, 0), 6) / 6, from left to right. */
export const hardswish = activation(59, 'quantized::hardswish', {}, () => (x) => f(f(x * clamp(f(x + 3), 0, 6)) / 6));

/** min(max(x + 3, 0), 6) / 6. */
export const hardsigmoid = activation(60, 'quantized::hardsigmoid', {}, () => (x) => f(clamp(f(x + 3), 0, 6) / 6));

export const quantizedSigmoid = activation(61, 'quantized::sigmoid', {}, () => sigmoid);

export const quantizedGelu = activation(190, 'quantized::gelu', {}, () => gelu);

export const quantizedGeluTanh = activation(86, 'quantized::gelu_tanh', {}, () => geluTanh);

export const quantizedTanh = activation(62, 'quantized::tanh', {}, () => tanh);

/**
 * x where x >= 0, else alpha (exp(x inputScale) - 1). elu has inputScale 1, celu 1 / alpha.
 */
export const elu = activation(63, 'quantized::elu', { alpha: 'float', inputScale: 'float' }, (param) => {
  const [alpha, inputScale] = [param('alpha'), param('inputScale')];
  return (x) => (x >= 0 ? x : f(f(exp(f(x * inputScale)) - 1) * alpha));
});
