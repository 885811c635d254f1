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
  return dispatch(
    op,
    inputs.map((operand) => operand ?? null),
    attrs,
  )[0] as Tensor<T>;
}
