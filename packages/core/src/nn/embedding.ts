import { OctavoError } from '../errors.js';
import * as F from '../functional.js';
import type { Tensor } from '../tensor/tensor.js';
import { normal } from './init.js';
import { checkSize } from './linear.js';
import { Module } from './module.js';

/**
 * A table of vectors: int64 or int32 ids of any shape -> [...ids, embeddingDim] float32.
 * weight [numEmbeddings, embeddingDim], normal at first. An id out of range is an error that names it.
 */
export class Embedding extends Module<(ids: Tensor) => Tensor<'float32'>> {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  /** The id of padding, whose row starts at zeros; null where there is none. */
  readonly paddingIdx: number | null;
  weight: Tensor;

  constructor(numEmbeddings: number, embeddingDim: number, { paddingIdx = null }: { paddingIdx?: number | null } = {}) {
    super();
    checkSize('Embedding', 'numEmbeddings', numEmbeddings);
    checkSize('Embedding', 'embeddingDim', embeddingDim);
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    if (paddingIdx !== null && !(Number.isInteger(paddingIdx) && paddingIdx >= 0 && paddingIdx < numEmbeddings)) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[Embedding] paddingIdx must be an id from 0 to ${numEmbeddings - 1}, got ${paddingIdx}`,
      );
    }
    this.paddingIdx = paddingIdx;
    const weight = normal([numEmbeddings, embeddingDim]);
    if (paddingIdx !== null) weight.raw.data.fill(0, paddingIdx * embeddingDim, (paddingIdx + 1) * embeddingDim);
    this.weight = weight;
  }

  forward(ids: Tensor): Tensor<'float32'> {
    return F.embedding(ids, this.weight);
  }

  override extraRepr(): string {
    const padding = this.paddingIdx === null ? '' : `, padding_idx=${this.paddingIdx}`;
    return `${this.numEmbeddings}, ${this.embeddingDim}${padding}`;
  }
}
