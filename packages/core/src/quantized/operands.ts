import { OctavoError } from '../errors.js';
import type { QParams } from '../numerics/choose-qparams.js';
import { dispatch } from '../ops/dispatch.js';
import type { Attrs, OpDef, Operand } from '../ops/op-def.js';
import type { QuantizedDType } from '../tensor/dtype.js';
import { QuantizedTensor } from '../tensor/quantized-tensor.js';
import type { Tensor } from '../tensor/tensor.js';

// From quantized tensors to an op's operands and attributes, and back.

/** The scale and zero point of a tensor that must be quantized per tensor. */
export function qparamsOf(q: QuantizedTensor, op: OpDef, name: string): QParams {
  if (!QuantizedTensor.is(q)) {
    throw new OctavoError(
      'INVALID_DTYPE',
      `[${op.name}] ${name} must be a QuantizedTensor; quantize it first (quantizePerTensor, or a QuantStub in a module)`,
    );
  }
  if (q.axis === null) return { scale: q.scales[0] as number, zeroPoint: q.zeroPoints[0] as number };
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `[${op.name}] ${name} must be quantized per tensor, got one scale for each index of axis ${q.axis}; ` +
      'quantize it with quantizePerTensor',
  );
}

/** `<name>Scale` and `<name>ZeroPoint` of an operand. */
export function qparamAttrs(q: QuantizedTensor, op: OpDef, name: string): Record<string, number> {
  const { scale, zeroPoint } = qparamsOf(q, op, name);
  return { [`${name}Scale`]: scale, [`${name}ZeroPoint`]: zeroPoint };
}

/** The op's codes, of the dtype of its operands, under the qparams they mean. */
export function runOp(
  op: OpDef,
  inputs: readonly (Operand | null | undefined)[],
  attrs: Attrs,
  dtype: QuantizedDType,
  { scale, zeroPoint }: QParams,
): QuantizedTensor {
  const operands = inputs.map((operand) => operand ?? null);
  const [codes] = dispatch(op, operands, attrs);
  const qparams = { scales: Float32Array.of(scale), zeroPoints: Int32Array.of(zeroPoint) };
  return new QuantizedTensor(dtype, codes as Tensor, qparams);
}

/** One number for both axes of an image, or one each: height, width. */
export type Pair = number | readonly [height: number, width: number];

export function pair(value: Pair): readonly number[] {
  return typeof value === 'number' ? [value, value] : value;
}
