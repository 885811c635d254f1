import { OctavoError } from '../errors.js';
import * as F from '../functional.js';
import { type BagMode, checkBagMode } from '../ops/embedding-bag.js';
import type { Tensor } from '../tensor/tensor.js';
import { normal } from './init.js';
import { checkSize } from './linear.js';
import { Module } from './module.js';

export interface EmbeddingBagOptions {
  /** 'mean' when left out, as in PyTorch. */
  mode?: BagMode;
  /** The offsets end with the number of indices, so that there is one more of them than bags. */
  includeLastOffset?: boolean;
  /** The index of padding: its rows do not count, and it starts at zeros. */
  paddingIdx?: number | null;
}

/** Indices [bags, n], or [n] with offsets, and weights of the samples -> [bags, embeddingDim]. */
export type EmbeddingBagFunction = (
  indices: Tensor,
  offsets?: Tensor | null,
  perSampleWeights?: Tensor | null,
) => Tensor<'float32'>;

/**
 * Means, sums or maxima of bags of vectors: int64 or int32 indices [bags, n], or [n] with offsets [bags] of where each
 * bag starts -> [bags, embeddingDim] float32. weight [numEmbeddings, embeddingDim], normal at first. Weights of the
 * samples, float32 of the indices' dims, belong to mode 'sum'. An index out of range is an error that names it.
 */
export class EmbeddingBag extends Module<EmbeddingBagFunction> {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly mode: BagMode;
  readonly includeLastOffset: boolean;
  readonly paddingIdx: number | null;
  weight: Tensor;

  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    { mode = 'mean', includeLastOffset = false, paddingIdx = null }: EmbeddingBagOptions = {},
  ) {
    super();
    checkSize('EmbeddingBag', 'numEmbeddings', numEmbeddings);
    checkSize('EmbeddingBag', 'embeddingDim', embeddingDim);
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.mode = checkBagMode(mode, 'EmbeddingBag');
    this.includeLastOffset = includeLastOffset;
    if (paddingIdx !== null && !(Number.isInteger(paddingIdx) && paddingIdx >= 0 && paddingIdx < numEmbeddings)) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[EmbeddingBag] paddingIdx must be an index from 0 to ${numEmbeddings - 1}, got ${paddingIdx}`,
      );
    }
    this.paddingIdx = paddingIdx;
    const weight = normal([numEmbeddings, embeddingDim]);
    if (paddingIdx !== null) weight.raw.data.fill(0, paddingIdx * embeddingDim, (paddingIdx + 1) * embeddingDim);
    this.weight = weight;
  }

  forward(indices: Tensor, offsets?: Tensor | null, perSampleWeights?: Tensor | null): Tensor<'float32'> {
    const { mode, includeLastOffset, paddingIdx } = this;
    return F.embeddingBag(indices, this.weight, offsets, { mode, includeLastOffset, paddingIdx, perSampleWeights });
  }

  override extraRepr(): string {
    const padding = this.paddingIdx === null ? '' : `, padding_idx=${this.paddingIdx}`;
    return `${this.numEmbeddings}, ${this.embeddingDim}${padding}, mode='${this.mode}'`;
  }
}
