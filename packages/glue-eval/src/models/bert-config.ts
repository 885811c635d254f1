import { OctavoError } from '@octavo/core';
import { isCount, isIndex, isRate, type Json, numberOf } from './config-values.js';

/** What a BERT classifier is made of, from a Hugging Face `config.json`. */
export interface BertConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  /** The longest sequence, in tokens. */
  readonly maxPositions: number;
  readonly tokenTypes: number;
  readonly layerNormEps: number;
  readonly padTokenId: number;
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
  readonly classifierDropout: number;
  /** Label names, by class index. */
  readonly labels: readonly string[];
}

/** Settings of which one value is built. The first is also what Hugging Face takes where the key is absent. */
const FIXED: readonly [key: string, supported: string][] = [
  ['hidden_act', 'gelu'],
  ['position_embedding_type', 'absolute'],
];

/**
 * Reads a BERT `config.json`. Absent keys take the defaults of Hugging Face's `BertConfig`; values of a wrong kind,
 * and settings that would change the arithmetic, are refused in one sentence.
 */
export function readBertConfig(json: Json, file: string): BertConfig {
  for (const [key, supported] of FIXED) {
    const value = json[key] ?? supported;
    if (value !== supported) {
      throw new OctavoError('UNSUPPORTED', `${file}: ${key} '${value}' is not supported; only '${supported}' is`);
    }
  }
  for (const key of ['is_decoder', 'add_cross_attention']) {
    if (json[key] === true) throw new OctavoError('UNSUPPORTED', `${file}: ${key} is not supported; only encoders are`);
  }
  const count = (key: string, otherwise: number): number => numberOf(json, key, file, isCount, otherwise);
  const rate = (key: string, otherwise: number): number => numberOf(json, key, file, isRate, otherwise);
  const config: BertConfig = {
    vocabSize: count('vocab_size', 30522),
    hiddenSize: count('hidden_size', 768),
    layers: count('num_hidden_layers', 12),
    heads: count('num_attention_heads', 12),
    intermediateSize: count('intermediate_size', 3072),
    maxPositions: count('max_position_embeddings', 512),
    tokenTypes: count('type_vocab_size', 2),
    layerNormEps: rate('layer_norm_eps', 1e-12),
    padTokenId: numberOf(json, 'pad_token_id', file, isIndex, 0),
    hiddenDropout: rate('hidden_dropout_prob', 0.1),
    attentionDropout: rate('attention_probs_dropout_prob', 0.1),
    classifierDropout: rate('classifier_dropout', rate('hidden_dropout_prob', 0.1)),
    labels: labelsOf(json, file),
  };
  if (config.hiddenSize % config.heads !== 0) {
    throw new OctavoError(
      'INVALID_FILE',
      `${file}: hidden_size ${config.hiddenSize} cannot be split into num_attention_heads ${config.heads}`,
    );
  }
  return config;
}

/**
 * Names from `id2label`; a classifier without it has `num_labels` (2 by default) labels, named as Hugging Face does.
 */
function labelsOf(json: Json, file: string): string[] {
  const names = json.id2label;
  if (names === undefined || names === null) {
    return Array.from({ length: numberOf(json, 'num_labels', file, isCount, 2) }, (_, i) => `LABEL_${i}`);
  }
  const count = typeof names === 'object' ? Object.keys(names).length : 0;
  const labels = Array.from({ length: count }, (_, i) => (names as Json)[String(i)]);
  if (count === 0 || !labels.every((label) => typeof label === 'string')) {
    throw new OctavoError(
      'INVALID_FILE',
      `${file}: id2label must map "0", "1", ... to names, got ${JSON.stringify(names)}`,
    );
  }
  return labels as string[];
}
