import { OctavoError } from '../errors.js';
import { operandsOf } from '../functional/run.js';
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

/** `xScale` and `xZeroPoint` of the only operand of codes. */
export function qparamAttrs(x: QuantizedTensor, op: OpDef): { xScale: number; xZeroPoint: number } {
  const { scale, zeroPoint } = qparamsOf(x, op, 'x');
  return { xScale: scale, xZeroPoint: zeroPoint };
}

/** The op's codes, of the dtype of its operands, under the qparams they mean. */
export function runOp(
  op: OpDef,
  inputs: readonly (Operand | null | undefined)[],
  attrs: Attrs,
  dtype: QuantizedDType,
  { scale, zeroPoint }: QParams,
): QuantizedTensor {
  const codes = dispatch(op, operandsOf(inputs), attrs)[0] as Tensor;
  return new QuantizedTensor(dtype, codes, qparamArrays(scale, zeroPoint));
}

/** What a QuantizedTensor takes of one scale and zero point. `Float32Array.of` would cost as much as a small op. */
export function qparamArrays(scale: number, zeroPoint: number): { scales: Float32Array; zeroPoints: Int32Array } {
  const [scales, zeroPoints] = [new Float32Array(1), new Int32Array(1)];
  scales[0] = scale;
  zeroPoints[0] = zeroPoint;
  return { scales, zeroPoints };
}

/** One number for both axes of an image, or one each: height, width. */
export type Pair = number | readonly [height: number, width: number];

export function pair(value: Pair): readonly number[] {
  return typeof value === 'number' ? [value, value] : value;
}
