import { nn } from '@octavo/core';
import type { Swap } from '../convert/swap-table.js';
import { QuantizedEmbedding } from './quantized-embedding.js';
import { QuantizedEmbeddingBag } from './quantized-embedding-bag.js';

const table = {
  dtypes: ['quint8', 'quint4x2'],
  precision: ({ bits }: { bits: number }) => (bits === 8 ? 'int8' : 'int4'),
  describe: ({ bits }: { bits: number }) => `${bits}-bit rows, a scale and a float zero point each`,
} as const;

const embedding: Swap<nn.Embedding, QuantizedEmbedding> = {
  float: nn.Embedding,
  quantized: QuantizedEmbedding,
  fromFloat: (module, qconfig) => QuantizedEmbedding.fromFloat(module, qconfig),
  ...table,
};

const bag: Swap<nn.EmbeddingBag, QuantizedEmbeddingBag> = {
  float: nn.EmbeddingBag,
  quantized: QuantizedEmbeddingBag,
  fromFloat: (module, qconfig) => QuantizedEmbeddingBag.fromFloat(module, qconfig),
  ...table,
};

/** The rows of dtypes quint8 and quint4x2. */
export const EMBEDDING_SWAPS = [embedding, bag] as unknown as readonly Swap[];
