import { F, type nn, OctavoError, Q, Tensor } from '@octavo/core';
import { packTable, type QConfig, tableDType } from '@octavo/observers';
import { emptyTable, PackedTable, type PackedTableConfig } from './packed-table.js';

/** Enough to build a quantized bag that a state dict fills. */
export interface QuantizedEmbeddingBagConfig extends PackedTableConfig {
  readonly mode: 'sum' | 'mean';
  readonly includeLastOffset: boolean;
}

/**
 * An `nn.EmbeddingBag` whose table is in 8 or 4 bits: indices [bags, n], or [n] with offsets -> [bags, embeddingDim]
 * float32. Modes 'sum' and 'mean' (the sum divided by the number of indices; PyTorch's module sums whatever the mode
 * was); weights of samples with 'sum' only.
 */
export class QuantizedEmbeddingBag extends PackedTable<nn.EmbeddingBagFunction> {
  readonly mode: 'sum' | 'mean';
  readonly includeLastOffset: boolean;

  constructor(config: QuantizedEmbeddingBagConfig, packed: Tensor<'uint8'>) {
    super(config, packed);
    this.mode = config.mode;
    this.includeLastOffset = config.includeLastOffset;
  }

  /** The quantized form of a float bag, by a qconfig of float zero points. Mode 'max' and padding are refused. */
  static fromFloat(bag: nn.EmbeddingBag, qconfig: QConfig): QuantizedEmbeddingBag {
    const { numEmbeddings, embeddingDim, includeLastOffset, mode, paddingIdx, weight } = bag;
    if (mode === 'max' || paddingIdx !== null) {
      const what = mode === 'max' ? "mode 'max'" : `paddingIdx ${paddingIdx}`;
      throw new OctavoError(
        'UNSUPPORTED',
        `[QuantizedEmbeddingBag] a quantized table has no ${what}; keep this module float with null in the qconfig map`,
      );
    }
    const config = { numEmbeddings, embeddingDim, dtype: tableDType(qconfig), mode, includeLastOffset };
    return new QuantizedEmbeddingBag(config, packTable(weight, qconfig));
  }

  /** Zeros that a state dict is loaded into. */
  static fromConfig(config: QuantizedEmbeddingBagConfig): QuantizedEmbeddingBag {
    return new QuantizedEmbeddingBag(config, emptyTable(config));
  }

  get config(): QuantizedEmbeddingBagConfig {
    const { numEmbeddings, embeddingDim, dtype, mode, includeLastOffset } = this;
    return { numEmbeddings, embeddingDim, dtype, mode, includeLastOffset };
  }

  forward(indices: Tensor, offsets?: Tensor | null, perSampleWeights?: Tensor | null): Tensor<'float32'> {
    if (perSampleWeights && this.mode !== 'sum') {
      throw new OctavoError('INVALID_ARGUMENT', "[QuantizedEmbeddingBag] perSampleWeights belong to mode 'sum' only");
    }
    const bags = offsets
      ? { indices, offsets, perSampleWeights: perSampleWeights ?? null, includeLastOffset: this.includeLastOffset }
      : rowsAsBags(indices, perSampleWeights);
    const options = {
      bits: this.bits,
      perSampleWeights: bags.perSampleWeights,
      includeLastOffset: bags.includeLastOffset,
    };
    const sums = Q.embeddingBag(this.packed, bags.indices, bags.offsets, options);
    return this.mode === 'sum' ? sums : F.div(sums, this.counts(bags));
  }

  /** Indices of each bag, at least 1 so that an empty one stays zeros: float32 [bags, 1]. */
  private counts({ indices, offsets, includeLastOffset }: Bags): Tensor {
    const starts = F.toFloat(offsets);
    // The number of indices is looked at, and so fixed in a trace, only where the offsets do not end with it.
    const all = includeLastOffset ? starts : F.cat([starts, Tensor.from([indices.dims[0] as number])]);
    return F.unsqueeze(F.clamp(F.sub(F.slice(all, 0, 1), F.slice(all, 0, 0, -1)), 1), 1);
  }

  override get typeName(): string {
    return 'QuantizedEmbeddingBag';
  }
}

/** Indices [n] cut by offsets, with a weight for each where there are any. */
interface Bags {
  readonly indices: Tensor;
  readonly offsets: Tensor;
  readonly perSampleWeights: Tensor | null;
  readonly includeLastOffset: boolean;
}

/** The rows of indices [bags, n] as bags; a trace is fixed to their number. */
function rowsAsBags(indices: Tensor, perSampleWeights: Tensor | null | undefined): Bags {
  const { dims } = indices;
  if (dims.length !== 2) {
    throw new OctavoError(
      'INVALID_SHAPE',
      `[QuantizedEmbeddingBag] expected indices [bags, n], or [n] with offsets; got [${dims.join(', ')}]`,
    );
  }
  const [bags, n] = dims as [number, number];
  const ends = BigInt64Array.from({ length: bags + 1 }, (_, bag) => BigInt(bag * n));
  return {
    indices: F.reshape(indices, [-1]),
    offsets: new Tensor('int64', ends),
    perSampleWeights: perSampleWeights ? F.reshape(perSampleWeights, [-1]) : null,
    includeLastOffset: true,
  };
}
