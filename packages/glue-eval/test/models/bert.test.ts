import { join } from 'node:path';
import { activeBackend, type nn, Tensor } from '@octavo/core';
import { readSafetensors } from '@octavo/core/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { BertForSequenceClassification, type BertModel } from '../../src/models/bert.js';
import { readBertConfig } from '../../src/models/bert-config.js';
import { openPretrained } from '../../src/models/huggingface.js';
import { loadNativeBackend } from '../../src/native-backend.js';
import { TINY_CONFIG, tinyState } from '../eval/tiny-model.js';
import { describeWithShared, MRPC_SMALL } from './mrpc-small.js';

await loadNativeBackend();

/** PyTorch sums in another order; over 6 layers that moves hidden states by less than this. */
const HIDDEN_BUDGET = 1e-4;
const LOGIT_BUDGET = 1e-3;

describe('BertForSequenceClassification', () => {
  const model = new BertForSequenceClassification(readBertConfig(TINY_CONFIG, 'config.json'));
  model.loadStateDict(tinyState());

  it("has Hugging Face's parameter names", () => {
    const names = Object.keys(model.stateDict());
    expect(names).toHaveLength(5 + 2 * 16 + 2 + 2);
    expect(names).toEqual(
      expect.arrayContaining([
        'bert.embeddings.word_embeddings.weight',
        'bert.embeddings.LayerNorm.bias',
        'bert.encoder.layer.0.attention.self.query.weight',
        'bert.encoder.layer.1.attention.output.LayerNorm.weight',
        'bert.encoder.layer.1.intermediate.dense.bias',
        'bert.pooler.dense.weight',
        'classifier.bias',
      ]),
    );
  });

  it('prints as in PyTorch', () => {
    const lines = model.toString().split('\n');
    expect(lines.slice(0, 9)).toEqual([
      'BertForSequenceClassification(',
      '  (bert): BertModel(',
      '    (embeddings): BertEmbeddings(',
      `      (word_embeddings): Embedding(${TINY_CONFIG.vocab_size}, 16, padding_idx=0)`,
      '      (position_embeddings): Embedding(32, 16)',
      '      (token_type_embeddings): Embedding(2, 16)',
      '      (LayerNorm): LayerNorm((16,), eps=1e-12, elementwise_affine=True)',
      '      (dropout): Dropout(p=0.1, inplace=False)',
      '    )',
    ]);
    expect(lines.slice(-4)).toEqual([
      '  )',
      '  (dropout): Dropout(p=0.1, inplace=False)',
      '  (classifier): Linear(in_features=16, out_features=2, bias=True)',
      ')',
    ]);
  });

  it('gives a sentence the same bits alone, in a batch, and at any padding', () => {
    const alone = logits(model, [[2, 5, 7, 9, 3]]);
    const padded = logits(model, [[2, 5, 7, 9, 3, 0, 0, 0]], [5]);
    const inBatch = logits(
      model,
      [
        [2, 11, 12, 13, 14, 15, 3],
        [2, 5, 7, 9, 3, 0, 0],
      ],
      [7, 5],
    );
    expect(padded).toEqual(alone);
    expect(inBatch.slice(2)).toEqual(alone);
  });
});

describeWithShared("mrpc-small against PyTorch's results (needs ../shared)", () => {
  let model: nn.Module;
  let expected: Readonly<Record<string, Tensor>>;

  beforeAll(async () => {
    model = (await openPretrained(MRPC_SMALL)).build();
    expected = (await readSafetensors(join(MRPC_SMALL, 'expected.safetensors'))).tensors;
  });

  /** On the reference a whole batch takes minutes; the first example shows as much. */
  const take = (): number => (activeBackend().name === 'reference' ? 1 : 8);

  it('hidden states of the first batch', { timeout: 120_000 }, () => {
    const { inputs, lengths } = firstBatch(expected, take());
    const states: Tensor[] = [];
    const bert = model.getSubmodule('bert') as BertModel;
    const keep = (_: nn.Module, __: readonly unknown[], output: unknown): void => void states.push(output as Tensor);
    const handles = [bert.embeddings, ...bert.encoder.layer].map((module) => module.registerForwardHook(keep));
    const output = model.call(...inputs) as Tensor<'float32'>;
    for (const handle of handles) handle.remove();
    expect(states).toHaveLength(7);
    states.forEach((state, depth) => {
      const want = expected[`first8.hidden.${depth}`] as Tensor<'float32'>;
      const error = largestDifference(state as Tensor<'float32'>, want, lengths);
      expect(error, `hidden state ${depth}`).toBeLessThan(HIDDEN_BUDGET);
    });
    const wantLogits = (expected['all.float'] as Tensor<'float32'>).data;
    output.data.forEach((value, i) => {
      expect(Math.abs(value - (wantLogits[i] as number))).toBeLessThan(LOGIT_BUDGET);
    });
  });
});

function logits(model: nn.Module, rows: number[][], lengths = rows.map((row) => row.length)): number[] {
  const ids = Tensor.from(rows, { dtype: 'int64' });
  const mask = Tensor.from(
    rows.map((row, i) => row.map((_, column) => (column < (lengths[i] as number) ? 1 : 0))),
    { dtype: 'int64' },
  );
  return [...(model.call(ids, mask, Tensor.zeros(ids.dims, 'int64')) as Tensor<'float32'>).data];
}

/** The first `count` examples of the stored batch, and how many tokens each has. */
function firstBatch(
  expected: Readonly<Record<string, Tensor>>,
  count: number,
): { inputs: [Tensor, Tensor, Tensor]; lengths: number[] } {
  const stored = ['input_ids', 'attention_mask', 'token_type_ids'].map(
    (name) => expected[`first8.${name}`] as Tensor<'int64'>,
  );
  const width = stored[0]?.dims[1] as number;
  const inputs = stored.map(({ data }) => new Tensor('int64', data.slice(0, count * width), [count, width]));
  const mask = (inputs[1] as Tensor<'int64'>).data;
  const lengths = Array.from({ length: count }, (_, row) =>
    mask.slice(row * width, (row + 1) * width).reduce((sum, one) => sum + Number(one), 0),
  );
  return { inputs: inputs as [Tensor, Tensor, Tensor], lengths };
}

/** Over the tokens that are no padding: what padding computes is nobody's business. */
function largestDifference(got: Tensor<'float32'>, want: Tensor<'float32'>, lengths: readonly number[]): number {
  const [, width, hidden] = want.dims as [number, number, number];
  let largest = 0;
  lengths.forEach((length, row) => {
    for (let i = row * width * hidden; i < (row * width + length) * hidden; i++) {
      largest = Math.max(largest, Math.abs((got.data[i] as number) - (want.data[i] as number)));
    }
  });
  return largest;
}
