import { type nn, Q, type Tensor } from '@octavo/core';
import { packTable, type QConfig, tableDType } from '@octavo/observers';
import { emptyTable, PackedTable, type PackedTableConfig } from './packed-table.js';

/** An `nn.Embedding` whose table is in 8 or 4 bits: ids of any shape -> [...ids, embeddingDim] float32. */
export class QuantizedEmbedding extends PackedTable<(ids: Tensor) => Tensor<'float32'>> {
  /** The quantized form of a float embedding, by a qconfig of float zero points. */
  static fromFloat(embedding: nn.Embedding, qconfig: QConfig): QuantizedEmbedding {
    const { numEmbeddings, embeddingDim, weight } = embedding;
    const dtype = tableDType(qconfig);
    return new QuantizedEmbedding({ numEmbeddings, embeddingDim, dtype }, packTable(weight, qconfig));
  }

  /** Zeros that a state dict is loaded into. */
  static fromConfig(config: PackedTableConfig): QuantizedEmbedding {
    return new QuantizedEmbedding(config, emptyTable(config));
  }

  get config(): PackedTableConfig {
    const { numEmbeddings, embeddingDim, dtype } = this;
    return { numEmbeddings, embeddingDim, dtype };
  }

  forward(ids: Tensor): Tensor<'float32'> {
    return Q.embedding(this.packed, ids, { bits: this.bits });
  }

  override get typeName(): string {
    return 'QuantizedEmbedding';
  }
}
