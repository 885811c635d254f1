import { OctavoError } from '../../errors.js';
import { inverseScale, quantizeValue } from '../../numerics/quantize.js';
import type { OpDef } from '../op-def.js';
import { checkQParamAttrs, checkZeroPointAttrs, qparamsOf } from './codes.js';
import { lowestCode, tableOp } from './table.js';

const f = Math.fround;

/**
 * x + other steps of xScale: zeroPoint + rint(f(code - xZeroPoint + other) * m) with m = f(xScale * f(1 / scale)).
 * PyTorch's `quantized::add_scalar`, whose output qparams follow from the input's (`Q.addScalar`).
 */
export const addScalar: OpDef = tableOp(
  'quantized::add_scalar',
  52,
  { xScale: 'float', xZeroPoint: 'int', other: 'int', scale: 'float', zeroPoint: 'int', relu: 'int' },
  (attrs, type) => {
    checkQParamAttrs('quantized::add_scalar', attrs, type, 'x', '');
    if (Number.isInteger(attrs.other)) return;
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[quantized::add_scalar] other must be a whole number of steps, got ${String(attrs.other)}`,
    );
  },
  (attrs, { qmin, qmax }) => {
    const [x, y] = [qparamsOf(attrs, 'x'), qparamsOf(attrs, '')];
    const multiplier = f(x.scale * inverseScale(y.scale));
    const shift = (attrs.other as number) - x.zeroPoint;
    const low = lowestCode(attrs, y.zeroPoint, qmin);
    return (code) => quantizeValue(f(code + shift), multiplier, y.zeroPoint, low, qmax);
  },
);

/**
 * x * other, where the scale takes the factor's size: the code for a positive factor, qmin + qmax - code (as the zero
 * point goes) for a negative one, 0 for none. PyTorch's `quantized::mul_scalar`; the output's qparams are `Q.mulScalar`'s.
 */
export const mulScalar: OpDef = tableOp(
  'quantized::mul_scalar',
  53,
  { xZeroPoint: 'int', other: 'float', relu: 'int' },
  (attrs, type) => {
    checkZeroPointAttrs('quantized::mul_scalar', attrs, type, 'x');
    if (Number.isFinite(attrs.other)) return;
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[quantized::mul_scalar] other must be a finite number, got ${String(attrs.other)}`,
    );
  },
  (attrs, { qmin, qmax }) => {
    const other = attrs.other as number;
    if (other === 0) return () => 0;
    const mirrored = (code: number): number => (other > 0 ? code : qmin + qmax - code);
    const low = lowestCode(attrs, mirrored(attrs.xZeroPoint as number), qmin);
    return (code) => Math.max(low, mirrored(code));
  },
);
