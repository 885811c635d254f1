import { Module, Q, type StateDict, Tensor } from '@octavo/core';
import type { TableDType } from '@octavo/observers';
import { integerTensor, readInteger } from '../dynamic/packed-state.js';

/** Bits of a code by the dtype that PyTorch names, and that dtype's number there. */
const TABLE_DTYPES = {
  quint8: { bits: 8, code: 13 },
  quint4x2: { bits: 4, code: 16 },
} as const satisfies Record<TableDType, unknown>;

/** Enough to build a quantized table that a state dict fills. */
export interface PackedTableConfig {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly dtype: TableDType;
}

/**
 * A table of vectors in 8 or 4 bits with a scale and a float zero point a row, packed as PyTorch packs it
 * (torch/ao/nn/quantized/modules/embedding_ops.py). Its state dict has PyTorch's keys: `_packed_params.dtype` (13 for
 * quint8, 16 for quint4x2) and `_packed_params._packed_weight`, uint8 [numEmbeddings, bytes of a row].
 */
// biome-ignore lint/suspicious/noExplicitAny: a subclass types its own forward.
export abstract class PackedTable<F extends (...inputs: any[]) => unknown> extends Module<F> {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly dtype: TableDType;
  /** Codes, then scale and bias, row by row: uint8 [numEmbeddings, bytes]; see core's `Q.embeddingPrepack`. */
  packed: Tensor<'uint8'>;

  constructor({ numEmbeddings, embeddingDim, dtype }: PackedTableConfig, packed: Tensor<'uint8'>) {
    super();
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.dtype = dtype;
    this.packed = packed;
  }

  get bits(): 8 | 4 {
    return TABLE_DTYPES[this.dtype].bits;
  }

  /** The float32 table [numEmbeddings, embeddingDim] that the codes stand for. */
  get weight(): Tensor<'float32'> {
    return Q.embeddingUnpack(this.packed, { bits: this.bits });
  }

  override extraRepr(): string {
    const sizes = `num_embeddings=${this.numEmbeddings}, embedding_dim=${this.embeddingDim}`;
    return `${sizes}, dtype=torch.${this.dtype}, qscheme=torch.per_channel_affine_float_qparams`;
  }

  override ownState(): StateDict {
    return {
      '_packed_params.dtype': integerTensor(TABLE_DTYPES[this.dtype].code),
      '_packed_params._packed_weight': this.packed,
    };
  }

  override loadOwnState(given: StateDict): void {
    const state = { ...this.ownState(), ...given };
    readInteger(this.typeName, state, '_packed_params.dtype', [TABLE_DTYPES[this.dtype].code]);
    this.packed = state['_packed_params._packed_weight'] as Tensor<'uint8'>;
  }
}

/** Packed zeros of the right sizes, for a state dict. */
export function emptyTable({ numEmbeddings, embeddingDim, dtype }: PackedTableConfig): Tensor<'uint8'> {
  return Q.embeddingPrepack(Tensor.zeros([numEmbeddings, embeddingDim]), { bits: TABLE_DTYPES[dtype].bits });
}
