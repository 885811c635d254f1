import { OctavoError } from '../errors.js';
import { DTYPES, type DType } from '../tensor/dtype.js';
import { LinearPackedParams } from '../tensor/linear-packed-params.js';
import { isPackedParams } from '../tensor/packed-params.js';
import { type Dims, formatDims, sizeOf } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Attrs, Operand, OperandMeta, TensorMeta } from './op-def.js';

// Checks that shape rules share. Every message starts with the op's name in brackets.

/** An operand that must be a tensor of one of these dtypes. */
export function tensorMeta(
  op: string,
  name: string,
  meta: OperandMeta | null | undefined,
  ...dtypes: DType[]
): TensorMeta {
  if (meta === null || meta === undefined || isPackedParams(meta)) {
    throw new OctavoError('INVALID_ARGUMENT', `[${op}] ${name} must be a tensor`);
  }
  if (dtypes.length > 0 && !dtypes.includes(meta.dtype)) {
    throw new OctavoError(
      'INVALID_DTYPE',
      `[${op}] ${name} must be ${dtypes.join(' or ')}, got ${meta.dtype} ${formatDims(meta.dims)}`,
    );
  }
  return meta;
}

/** An operand that must be packed linear weights. */
export function packedMeta(op: string, name: string, meta: OperandMeta | null | undefined): LinearPackedParams {
  if (LinearPackedParams.is(meta)) return meta;
  throw new OctavoError('INVALID_ARGUMENT', `[${op}] ${name} must be LinearPackedParams (quantized, packed weights)`);
}

/** A shape error that says what was expected and what came. */
export function shapeError(op: string, expected: string, ...got: Dims[]): OctavoError {
  return new OctavoError('INVALID_SHAPE', `[${op}] expected ${expected}, got ${got.map(formatDims).join(' and ')}`, {
    details: { op, got },
  });
}

/** A number attribute, with a default for attributes that may be left out. */
export function attrNumber(attrs: Attrs, name: string, otherwise: number): number {
  const value = attrs[name];
  return value === undefined ? otherwise : (value as number);
}

/** A list attribute; absent means empty. */
export function attrList(attrs: Attrs, name: string): readonly number[] {
  return (attrs[name] as readonly number[] | undefined) ?? [];
}

/** The float32 elements of an operand the shape rule has checked. */
export function floats(operand: Operand | null | undefined): Float32Array {
  return (operand as Tensor<'float32'>).raw.data;
}

/** The dims of an operand the shape rule has checked. */
export function dimsOf(operand: Operand | null | undefined): Dims {
  return (operand as Tensor).raw.dims;
}

/** Highest rank an op takes: native code keeps dims in fixed arrays. */
export const MAX_RANK = 8;

/** `dims`, refused where their rank passes `MAX_RANK`. */
export function checkRank(op: string, dims: Dims): Dims {
  if (dims.length > MAX_RANK) throw shapeError(op, `a rank of at most ${MAX_RANK}`, dims);
  return dims;
}

/** The largest array of bytes that all engines make. */
const MOST_BYTES = 2 ** 32;

/** Refuses results that no array can hold, before anybody tries to make one. */
export function checkResultSizes(op: string, metas: readonly TensorMeta[]): void {
  for (let i = 0; i < metas.length; i++) {
    const { dtype, dims } = metas[i] as TensorMeta;
    const bytes = sizeOf(dims) * DTYPES[dtype].bytes;
    if (bytes <= MOST_BYTES) continue;
    throw new OctavoError(
      'INVALID_SHAPE',
      `[${op}] its result ${formatDims(dims)} of ${dtype} would take ${bytes} bytes; a tensor has at most ${MOST_BYTES}`,
      { details: { op, dims } },
    );
  }
}
