import { OctavoError } from '../../errors.js';
import type { QParams } from '../../numerics/choose-qparams.js';
import { DTYPES, QUANTIZED_DTYPES } from '../../tensor/dtype.js';
import { type Dims, sizeOf } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { tensorMeta } from '../check.js';
import type { Attrs, OpDef, Operand, OperandMeta } from '../op-def.js';

// What static quantized ops share. Operands are plain tensors of codes, uint8 or int8; every quantization parameter is
// an attribute (`xScale`, `xZeroPoint`, ...; the output's are `scale` and `zeroPoint`). Results have the operands' dtype.

/** The qparams of an op of two operands, `a` and `b`, in the order in which native code reads them. */
export const BINARY_QPARAMS = {
  aScale: 'float',
  aZeroPoint: 'int',
  bScale: 'float',
  bZeroPoint: 'int',
  scale: 'float',
  zeroPoint: 'int',
} as const satisfies OpDef['attrs'];

/** The dtypes of codes. */
export type CodeType = 'uint8' | 'int8';

export interface CodesMeta {
  readonly dtype: CodeType;
  readonly dims: Dims;
}

/** An operand that must be codes, of `like` where another operand has set the dtype. */
export function codesMeta(op: string, name: string, meta: OperandMeta | null | undefined, like?: CodeType): CodesMeta {
  return tensorMeta(op, name, meta, ...(like === undefined ? (['uint8', 'int8'] as const) : [like])) as CodesMeta;
}

/** The codes of an operand the shape rule has checked. */
export function codesOf(operand: Operand | null | undefined): {
  readonly type: CodeType;
  readonly data: Uint8Array | Int8Array;
  readonly dims: Dims;
} {
  const { type, raw } = operand as Tensor<CodeType>;
  return { type, data: raw.data, dims: raw.dims };
}

/** Smallest and largest code of a dtype. */
export function codeRange(type: CodeType): { readonly qmin: number; readonly qmax: number } {
  return type === 'uint8' ? QUANTIZED_DTYPES.quint8 : QUANTIZED_DTYPES.qint8;
}

/** A tensor of codes, written by `fill`. */
export function codesTensor(type: CodeType, dims: Dims, fill: (y: Uint8Array | Int8Array) => void): Tensor {
  const y = new DTYPES[type].array(sizeOf(dims));
  fill(y);
  return new Tensor(type, y, dims);
}

/** Attribute names of one tensor's scale and zero point: `''` is the output. */
const QPARAM_NAMES = {
  '': { scale: 'scale', zeroPoint: 'zeroPoint' },
  x: { scale: 'xScale', zeroPoint: 'xZeroPoint' },
  a: { scale: 'aScale', zeroPoint: 'aZeroPoint' },
  b: { scale: 'bScale', zeroPoint: 'bZeroPoint' },
} as const;
type QParamPrefix = keyof typeof QPARAM_NAMES;

/** The scale (float32) and zero point of an operand, or with prefix `''` of the output, once they were checked. */
export function qparamsOf(attrs: Attrs, prefix: QParamPrefix): QParams {
  const { scale, zeroPoint } = QPARAM_NAMES[prefix];
  return { scale: Math.fround(attrs[scale] as number), zeroPoint: attrs[zeroPoint] as number };
}

/** Refuses qparams that are missing, scales that are not positive and finite, and zero points that are no code. */
export function checkQParamAttrs(op: string, attrs: Attrs, type: CodeType, ...prefixes: QParamPrefix[]): void {
  for (const prefix of prefixes) {
    const name = QPARAM_NAMES[prefix].scale;
    const scale = Math.fround(attrs[name] as number);
    if (!(scale > 0 && Number.isFinite(scale))) {
      const got = String(attrs[name]);
      throw new OctavoError('INVALID_ARGUMENT', `[${op}] ${name} must be positive and finite in float32, got ${got}`);
    }
    checkZeroPointAttrs(op, attrs, type, prefix);
  }
}

/** Refuses zero points that are no code of the dtype. */
export function checkZeroPointAttrs(op: string, attrs: Attrs, type: CodeType, ...prefixes: QParamPrefix[]): void {
  const { qmin, qmax } = codeRange(type);
  for (const prefix of prefixes) {
    const name = QPARAM_NAMES[prefix].zeroPoint;
    const value = attrs[name];
    if (!Number.isInteger(value) || (value as number) < qmin || (value as number) > qmax) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${op}] ${name} must be an integer from ${qmin} to ${qmax} for ${type}, got ${String(value)}`,
      );
    }
  }
}
