import { dispatch } from '../ops/dispatch.js';
import type { Attrs, OpDef, Operand } from '../ops/op-def.js';
import type { DType } from '../tensor/dtype.js';
import type { Tensor } from '../tensor/tensor.js';

export type Float = Tensor<'float32'>;

/** Dispatches one op of one output; operands that are left out are null. */
export function run<T extends DType>(
  op: OpDef,
  inputs: readonly (Operand | null | undefined)[],
  attrs: Attrs = {},
): Tensor<T> {
  return dispatch(op, operandsOf(inputs), attrs)[0] as Tensor<T>;
}

/** Operands with null for those that are left out. */
export function operandsOf(inputs: readonly (Operand | null | undefined)[]): readonly (Operand | null)[] {
  return inputs.includes(undefined) ? inputs.map((operand) => operand ?? null) : (inputs as (Operand | null)[]);
}
