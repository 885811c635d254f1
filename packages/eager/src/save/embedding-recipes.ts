import { nn } from '@octavo/core';
import type { PackedTableConfig } from '../embedding/packed-table.js';
import { QuantizedEmbedding } from '../embedding/quantized-embedding.js';
import { QuantizedEmbeddingBag, type QuantizedEmbeddingBagConfig } from '../embedding/quantized-embedding-bag.js';
import type { Json, registerModule } from './module-registry.js';

/** @internal Bags of embeddings, and quantized tables. */
export function registerEmbeddings(register: typeof registerModule): void {
  register(nn.EmbeddingBag, {
    config: ({ numEmbeddings, embeddingDim, mode, includeLastOffset, paddingIdx }) => ({
      ...{ numEmbeddings, embeddingDim, mode, includeLastOffset, paddingIdx },
    }),
    build: ({ numEmbeddings, embeddingDim, ...options }) => new nn.EmbeddingBag(numEmbeddings, embeddingDim, options),
  });
  register<QuantizedEmbedding, PackedTableConfig & Json>(QuantizedEmbedding, {
    config: ({ config }) => ({ ...config }),
    build: (config) => QuantizedEmbedding.fromConfig(config),
  });
  register<QuantizedEmbeddingBag, QuantizedEmbeddingBagConfig & Json>(QuantizedEmbeddingBag, {
    config: ({ config }) => ({ ...config }),
    build: (config) => QuantizedEmbeddingBag.fromConfig(config),
  });
}
