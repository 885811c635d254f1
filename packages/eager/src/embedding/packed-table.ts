import { inverseScale, Module, OctavoError, Q, quantizeWithFloatZeroPoint, type StateDict, Tensor } from '@octavo/core';
import { describeQConfig, type QConfig } from '@octavo/observers';
import { finiteWeight } from '../convert/check-weight.js';
import { integerTensor, readInteger } from '../dynamic/packed-state.js';

/** Bits of a code by the dtype that PyTorch names, and that dtype's number there. */
const TABLE_DTYPES = {
  quint8: { bits: 8, code: 13 },
  quint4x2: { bits: 4, code: 16 },
} as const;

export type TableDType = keyof typeof TABLE_DTYPES;

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

/** The dtype that a qconfig makes of tables; other qconfigs are refused. */
export function tableDType(qconfig: QConfig): TableDType {
  const { dtype, qscheme } = qconfig.weight() as unknown as { dtype: string; qscheme?: string };
  if (Object.hasOwn(TABLE_DTYPES, dtype) && qscheme === 'per_channel_affine_float_qparams') return dtype as TableDType;
  throw new OctavoError(
    'UNSUPPORTED',
    `${describeQConfig(qconfig)} is no qconfig for embeddings: their rows become quint8 or quint4x2 with float zero ` +
      'points; use floatQParamsWeightOnlyQConfig or floatQParamsWeightOnlyQConfig4Bit',
  );
}

/** A float32 table [rows, width] packed by a qconfig's weight observer, which sees it as it is. */
export function packTable(weight: Tensor, qconfig: QConfig): Tensor<'uint8'> {
  const { bits } = TABLE_DTYPES[tableDType(qconfig)];
  const values = finiteWeight('weight', weight);
  const [rows, width] = weight.raw.dims as [number, number];
  const observer = qconfig.weight();
  observer.observe(weight);
  const { scales, zeroPoints, quantMin, quantMax } = observer.calculateQParams();
  const codes = new Uint8Array(values.length);
  for (let row = 0; row < rows; row++) {
    const inverse = inverseScale(scales[row] as number);
    const zeroPoint = zeroPoints[row] as number;
    for (let i = row * width; i < (row + 1) * width; i++) {
      codes[i] = quantizeWithFloatZeroPoint(values[i] as number, inverse, zeroPoint, quantMin, quantMax);
    }
  }
  const parts = {
    codes: new Tensor('uint8', codes, [rows, width]),
    scales: new Tensor('float32', scales),
    zeroPoints: new Tensor('float32', Float32Array.from(zeroPoints)),
  };
  return Q.embeddingPackCodes(parts, { bits });
}

/** Packed zeros of the right sizes, for a state dict. */
export function emptyTable({ numEmbeddings, embeddingDim, dtype }: PackedTableConfig): Tensor<'uint8'> {
  return Q.embeddingPrepack(Tensor.zeros([numEmbeddings, embeddingDim]), { bits: TABLE_DTYPES[dtype].bits });
}
