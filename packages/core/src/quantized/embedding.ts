import { OctavoError } from '../errors.js';
import type { TableBits } from '../numerics/rowwise-table.js';
import { dispatch } from '../ops/dispatch.js';
import { TABLE_OPS, type TableOps } from '../ops/quantized/embedding.js';
import { tableFromCodes } from '../ops/quantized/embedding-table.js';
import type { Tensor } from '../tensor/tensor.js';

/** Width of a table's codes; 8 when left out. */
export interface TableOptions {
  bits?: TableBits;
}

/** Options of a bag of a table. */
export interface TableBagOptions extends TableOptions {
  /** One weight for each index, float32 [n]; 1 each when left out. */
  perSampleWeights?: Tensor | null;
  /** The offsets end with the number of indices, so that there is one more of them than bags. */
  includeLastOffset?: boolean;
}

function opsOf(bits: TableBits): TableOps {
  if (Object.hasOwn(TABLE_OPS, bits)) return TABLE_OPS[bits];
  throw new OctavoError('INVALID_ARGUMENT', `[embedding table] bits must be 8, 4 or 2, got ${String(bits)}`);
}

/**
 * A float32 table [rows, width] packed row by row: uint8 [rows, width * bits / 8 + 8, or + 4 below 8 bits], PyTorch's
 * raw bytes. The width is a multiple of 8 / bits. `quantized::embedding_bag_byte_prepack` and its like.
 */
export function embeddingPrepack(weight: Tensor, { bits = 8 }: TableOptions = {}): Tensor<'uint8'> {
  return dispatch(opsOf(bits).prepack, [weight])[0] as Tensor<'uint8'>;
}

/**
 * A packed table from codes uint8 [rows, width] with one scale and float zero point a row, as observers of
 * `floatQParams` give them: `quantized::embedding_bag_prepack`.
 */
export function embeddingPackCodes(
  { codes, scales, zeroPoints }: { codes: Tensor; scales: Tensor; zeroPoints: Tensor },
  { bits = 8 }: TableOptions = {},
): Tensor<'uint8'> {
  return dispatch(tableFromCodes, [codes, scales, zeroPoints], { bits })[0] as Tensor<'uint8'>;
}

/** The float32 table [rows, width] of packed bytes: fma(code, scale, bias). */
export function embeddingUnpack(packed: Tensor, { bits = 8 }: TableOptions = {}): Tensor<'float32'> {
  return dispatch(opsOf(bits).unpack, [packed])[0] as Tensor<'float32'>;
}

/** Rows of a packed table by int64 or int32 indices of any shape -> [...indices, width], float32. */
export function embedding(packed: Tensor, indices: Tensor, { bits = 8 }: TableOptions = {}): Tensor<'float32'> {
  return dispatch(opsOf(bits).lookup, [packed, indices])[0] as Tensor<'float32'>;
}

/**
 * Sums of rows of a packed table: indices [n], and offsets [bags] of where each bag starts among them
 * -> [bags, width], float32. `quantized::embedding_bag_byte_rowwise_offsets` and its like.
 */
export function embeddingBag(
  packed: Tensor,
  indices: Tensor,
  offsets: Tensor,
  { bits = 8, perSampleWeights = null, includeLastOffset = false }: TableBagOptions = {},
): Tensor<'float32'> {
  const attrs = { includeLastOffset: includeLastOffset ? 1 : 0 };
  return dispatch(opsOf(bits).bag, [packed, indices, offsets, perSampleWeights], attrs)[0] as Tensor<'float32'>;
}
