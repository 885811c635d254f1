import type { Attrs, OpDef } from '../ops/op-def.js';
import { STATIC_ACTIVATIONS, type StaticActivation } from '../ops/quantized/static-requantization.js';
import type { PackedParams } from '../tensor/packed-params.js';
import type { QuantizedTensor } from '../tensor/quantized-tensor.js';
import type { OutputQParams } from './input.js';
import { qparamsOf, runOp } from './operands.js';

export interface StaticOptions extends OutputQParams {
  /** Applied in the op's epilogue: the codes of a relu or relu6 after it. 'none' when left out. */
  readonly activation?: StaticActivation;
}

/** Runs a static op of one quint8 operand and packed weights. */
export function runStatic(
  op: OpDef,
  x: QuantizedTensor,
  packed: PackedParams,
  { scale, zeroPoint, activation }: StaticOptions,
): QuantizedTensor {
  const { scale: xScale, zeroPoint: xZeroPoint } = qparamsOf(x, op, 'x');
  const attrs: Attrs =
    'activation' in op.attrs
      ? { xScale, xZeroPoint, scale, zeroPoint, activation: STATIC_ACTIVATIONS[activation ?? 'none'] }
      : { xScale, xZeroPoint, scale, zeroPoint };
  return runOp(op, [x.values, packed], attrs, 'quint8', { scale, zeroPoint });
}
