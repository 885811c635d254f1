import { F, nn, type Tensor } from '@octavo/core';
import type { BertConfig } from './bert-config.js';

// BERT for sequence classification (Devlin et al. 2018), module by module as in Hugging Face's modeling_bert.py:
// every parameter has the name that a checkpoint gives it, so that loading needs no table of names.
// No code here reads a dim: a traced graph serves every batch and every length.

/** float32's most negative finite number: what Hugging Face adds to the scores of padding. */
const MASKED = -3.4028234663852886e38;

/** A layer that turns one tensor into another; conversions put quantized ones in place. */
type Layer = nn.Module<(x: Tensor) => Tensor>;

/** Token, position and segment embeddings, summed and normalised. [batch, length] -> [batch, length, hidden]. */
export class BertEmbeddings extends nn.Module {
  word_embeddings: Layer;
  position_embeddings: Layer;
  token_type_embeddings: Layer;
  LayerNorm: Layer;
  dropout: Layer;

  constructor(config: BertConfig) {
    super();
    this.word_embeddings = new nn.Embedding(config.vocabSize, config.hiddenSize, { paddingIdx: config.padTokenId });
    this.position_embeddings = new nn.Embedding(config.maxPositions, config.hiddenSize);
    this.token_type_embeddings = new nn.Embedding(config.tokenTypes, config.hiddenSize);
    this.LayerNorm = new nn.LayerNorm(config.hiddenSize, { eps: config.layerNormEps });
    this.dropout = new nn.Dropout(config.hiddenDropout);
  }

  forward(inputIds: Tensor, tokenTypeIds: Tensor): Tensor {
    const words = F.add(this.word_embeddings.call(inputIds), this.token_type_embeddings.call(tokenTypeIds));
    const positions = this.position_embeddings.call(F.arangeLike(inputIds, 1));
    return this.dropout.call(this.LayerNorm.call(F.add(words, positions)));
  }
}

/** Multi-head attention of every token to every unmasked token. */
export class BertSelfAttention extends nn.Module {
  query: Layer;
  key: Layer;
  value: Layer;
  dropout: Layer;
  readonly heads: number;
  readonly scale: number;

  constructor({ hiddenSize, heads, attentionDropout }: BertConfig) {
    super();
    this.query = new nn.Linear(hiddenSize, hiddenSize);
    this.key = new nn.Linear(hiddenSize, hiddenSize);
    this.value = new nn.Linear(hiddenSize, hiddenSize);
    this.dropout = new nn.Dropout(attentionDropout);
    this.heads = heads;
    this.scale = 1 / Math.sqrt(hiddenSize / heads);
  }

  forward(hidden: Tensor, mask: Tensor): Tensor {
    const [q, k, v] = [this.query.call(hidden), this.key.call(hidden), this.value.call(hidden)];
    return F.multiHeadAttention(q, k, v, mask, { heads: this.heads, scale: this.scale });
  }
}

/** A linear, then the sum with what went into the block, normalised. `BertSelfOutput` and `BertOutput` are this. */
abstract class ResidualOutput extends nn.Module {
  dense: Layer;
  LayerNorm: Layer;
  dropout: Layer;

  constructor(inFeatures: number, config: BertConfig) {
    super();
    this.dense = new nn.Linear(inFeatures, config.hiddenSize);
    this.LayerNorm = new nn.LayerNorm(config.hiddenSize, { eps: config.layerNormEps });
    this.dropout = new nn.Dropout(config.hiddenDropout);
  }

  forward(hidden: Tensor, residual: Tensor): Tensor {
    return this.LayerNorm.call(F.add(this.dropout.call(this.dense.call(hidden)), residual));
  }
}

export class BertSelfOutput extends ResidualOutput {
  constructor(config: BertConfig) {
    super(config.hiddenSize, config);
  }
}

export class BertOutput extends ResidualOutput {
  constructor(config: BertConfig) {
    super(config.intermediateSize, config);
  }
}

export class BertAttention extends nn.Module {
  self: BertSelfAttention;
  output: BertSelfOutput;

  constructor(config: BertConfig) {
    super();
    this.self = new BertSelfAttention(config);
    this.output = new BertSelfOutput(config);
  }

  forward(hidden: Tensor, mask: Tensor): Tensor {
    return this.output.call(this.self.call(hidden, mask), hidden);
  }
}

export class BertIntermediate extends nn.Module {
  dense: Layer;
  intermediate_act_fn: Layer;

  constructor(config: BertConfig) {
    super();
    this.dense = new nn.Linear(config.hiddenSize, config.intermediateSize);
    this.intermediate_act_fn = new nn.GELU();
  }

  forward(hidden: Tensor): Tensor {
    return this.intermediate_act_fn.call(this.dense.call(hidden));
  }
}

export class BertLayer extends nn.Module {
  attention: BertAttention;
  intermediate: BertIntermediate;
  output: BertOutput;

  constructor(config: BertConfig) {
    super();
    this.attention = new BertAttention(config);
    this.intermediate = new BertIntermediate(config);
    this.output = new BertOutput(config);
  }

  forward(hidden: Tensor, mask: Tensor): Tensor {
    const attended = this.attention.call(hidden, mask);
    return this.output.call(this.intermediate.call(attended), attended);
  }
}

export class BertEncoder extends nn.Module {
  layer: nn.ModuleList;

  constructor(config: BertConfig) {
    super();
    this.layer = new nn.ModuleList(Array.from({ length: config.layers }, () => new BertLayer(config)));
  }

  forward(hidden: Tensor, mask: Tensor): Tensor {
    let current = hidden;
    for (const layer of this.layer) current = layer.call(current, mask);
    return current;
  }
}

/** The first token's state through a linear and tanh. [batch, length, hidden] -> [batch, hidden]. */
export class BertPooler extends nn.Module {
  dense: Layer;
  activation: Layer;

  constructor(config: BertConfig) {
    super();
    this.dense = new nn.Linear(config.hiddenSize, config.hiddenSize);
    this.activation = new nn.Tanh();
  }

  forward(hidden: Tensor): Tensor {
    return this.activation.call(this.dense.call(F.select(hidden, 1, 0)));
  }
}

export class BertModel extends nn.Module {
  embeddings: BertEmbeddings;
  encoder: BertEncoder;
  pooler: BertPooler;

  constructor(config: BertConfig) {
    super();
    this.embeddings = new BertEmbeddings(config);
    this.encoder = new BertEncoder(config);
    this.pooler = new BertPooler(config);
  }

  forward(inputIds: Tensor, attentionMask: Tensor, tokenTypeIds: Tensor): Tensor {
    const hidden = this.embeddings.call(inputIds, tokenTypeIds);
    return this.pooler.call(this.encoder.call(hidden, additiveMask(attentionMask)));
  }
}

/**
 * The whole classifier. forward(inputIds, attentionMask, tokenTypeIds), all int64 [batch, length], gives logits
 * float32 [batch, labels].
 */
export class BertForSequenceClassification extends nn.Module {
  bert: BertModel;
  dropout: Layer;
  classifier: Layer;

  constructor(config: BertConfig) {
    super();
    this.bert = new BertModel(config);
    this.dropout = new nn.Dropout(config.classifierDropout);
    this.classifier = new nn.Linear(config.hiddenSize, config.labels.length);
  }

  forward(inputIds: Tensor, attentionMask: Tensor, tokenTypeIds: Tensor): Tensor {
    return this.classifier.call(this.dropout.call(this.bert.call(inputIds, attentionMask, tokenTypeIds)));
  }
}

/** [batch, length] of ones and zeros -> [batch, 1, 1, length]: 0 for tokens, float32's lowest number for padding. */
function additiveMask(attentionMask: Tensor): Tensor {
  const masked = F.mul(F.sub(1, F.toFloat(attentionMask)), MASKED);
  return F.reshape(masked, [0, 1, 1, -1]);
}
