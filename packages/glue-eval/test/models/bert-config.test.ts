import { describe, expect, it } from 'vitest';
import { architectureOf } from '../../src/models/architectures.js';
import { readBertConfig } from '../../src/models/bert-config.js';
import { TINY_CONFIG } from '../eval/tiny-model.js';

describe('readBertConfig', () => {
  it('reads what Hugging Face writes', () => {
    expect(readBertConfig(TINY_CONFIG, 'config.json')).toMatchObject({
      hiddenSize: 16,
      layers: 2,
      heads: 2,
      maxPositions: 32,
      hiddenDropout: 0.1,
      labels: ['different', 'same'],
    });
  });

  it("takes BertConfig's defaults for absent keys", () => {
    expect(readBertConfig({}, 'config.json')).toMatchObject({
      vocabSize: 30522,
      hiddenSize: 768,
      layers: 12,
      intermediateSize: 3072,
      layerNormEps: 1e-12,
      labels: ['LABEL_0', 'LABEL_1'],
    });
  });

  it.each([
    [{ hidden_act: 'gelu_new' }, 'UNSUPPORTED', "hidden_act 'gelu_new' is not supported; only 'gelu' is"],
    [{ position_embedding_type: 'relative_key' }, 'UNSUPPORTED', "only 'absolute' is"],
    [{ is_decoder: true }, 'UNSUPPORTED', 'only encoders are'],
    [{ hidden_size: '768' }, 'INVALID_FILE', 'hidden_size must be a positive integer, got "768"'],
    [{ num_hidden_layers: 0 }, 'INVALID_FILE', 'num_hidden_layers must be a positive integer, got 0'],
    [{ hidden_size: 10, num_attention_heads: 3 }, 'INVALID_FILE', 'cannot be split into num_attention_heads 3'],
    [{ id2label: ['a', 2] }, 'INVALID_FILE', 'id2label must map'],
    [{ id2label: {} }, 'INVALID_FILE', 'id2label must map'],
  ])('refuses %j', (change, code, message) => {
    const read = (): unknown => readBertConfig({ ...TINY_CONFIG, ...change }, 'x/config.json');
    expect(read).toThrowError(expect.objectContaining({ code, message: expect.stringContaining(message) }));
    expect(read).toThrowError(/^x\/config\.json: /);
  });
});

describe('architectureOf', () => {
  it('finds BERT classifiers', () => {
    expect(architectureOf(TINY_CONFIG, 'config.json').name).toBe('BertForSequenceClassification');
  });

  it.each([
    [
      { architectures: ['RobertaForSequenceClassification'], model_type: 'roberta' },
      "'RobertaForSequenceClassification'",
    ],
    [{ architectures: ['BertForMaskedLM'], model_type: 'bert' }, "'BertForMaskedLM'"],
    [{ model_type: 'bert' }, 'architecture unnamed'],
    [{}, "model_type 'undefined'"],
  ])('names what is supported for %j', (json, named) => {
    expect(() => architectureOf(json, 'config.json')).toThrowError(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: expect.stringMatching(/supported: BertForSequenceClassification \(model_type bert\)$/),
      }),
    );
    expect(() => architectureOf(json, 'config.json')).toThrowError(named);
  });
});
