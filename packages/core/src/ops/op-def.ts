import type { DType } from '../tensor/dtype.js';
import type { PackedParams } from '../tensor/packed-params.js';
import type { Dims } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

/** Dtype and shape without data: what shape rules take and give. */
export interface TensorMeta {
  readonly dtype: DType;
  readonly dims: Dims;
}

/** What an op may be given: a tensor, or weights packed for a quantized op. */
export type Operand = Tensor | PackedParams;
export type OperandMeta = TensorMeta | PackedParams;

export type AttrValue = number | readonly number[];
export type Attrs = Readonly<Record<string, AttrValue>>;
/** How an attribute is encoded for native code: one number, or a counted list. */
export type AttrKind = 'int' | 'float' | 'ints' | 'floats';

/**
 * One row of the op table: everything the system knows of an op.
 * Opcodes are append-only: compiled addons of other versions know them by number.
 */
export interface OpDef {
  readonly name: string;
  readonly opcode: number;
  /** Operand names in order; a trailing `?` marks an optional one, a trailing `*` a list in last place. */
  readonly inputs: readonly string[];
  /** Attribute names and kinds, in the order of their native encoding. */
  readonly attrs: Readonly<Record<string, AttrKind>>;
  readonly outputs: readonly string[];
  /** True where the output is the input's memory under other dims. */
  readonly alias?: boolean;
  /** Output dtypes and shapes; throws INVALID_SHAPE or INVALID_DTYPE for operands the op does not take. */
  infer(inputs: readonly (OperandMeta | null)[], attrs: Attrs): TensorMeta[];
  /** The reference implementation: slow, exact, the definition of the op's bits. */
  reference(inputs: readonly (Operand | null)[], attrs: Attrs): Tensor[];
}
