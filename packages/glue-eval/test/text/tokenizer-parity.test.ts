import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PairTokenizer } from '../../src/text/tokenizer.js';

// Ids that Hugging Face's fast tokenizer gave. They hold sentences of MRPC, which may not be redistributed, so the
// file lies beside the repository, not in it.
const root = new URL('../../../../', import.meta.url);
const file = new URL('../shared/models/mrpc-small/tokenization.json', root);
const present = existsSync(file);
const note = present ? '' : ' (skipped: ../shared is absent)';

interface Tokenization {
  cases: { text: string; pair: string | null; maxLength: number; inputIds: number[]; tokenTypeIds: number[] }[];
  padded: {
    maxLength: number;
    texts: string[];
    pairs: string[];
    inputIds: number[][];
    tokenTypeIds: number[][];
    attentionMask: number[][];
  };
}

const load = async () => ({
  tokenizer: await PairTokenizer.fromFolder(fileURLToPath(new URL('models/mrpc-small', root))),
  expected: JSON.parse(readFileSync(file, 'utf8')) as Tokenization,
});

describe("PairTokenizer and Hugging Face's fast tokenizer", () => {
  it.skipIf(!present)(`agree id by id on single texts and pairs${note}`, async () => {
    const { tokenizer, expected } = await load();
    expect(expected.cases.length).toBeGreaterThanOrEqual(106);
    for (const { text, pair, maxLength, inputIds, tokenTypeIds } of expected.cases) {
      expect(tokenizer.encode(text, pair, maxLength), text).toEqual({ inputIds, tokenTypeIds });
    }
  });

  it.skipIf(!present)(`agree on a padded batch${note}`, async () => {
    const { tokenizer, expected } = await load();
    const { maxLength, texts, pairs, ...rows } = expected.padded;
    const batch = tokenizer.encodeBatch(
      texts.map((text, i) => [text, pairs[i] as string]),
      maxLength,
    );
    expect(batch.batch).toBe(texts.length);
    expect(batch.length).toBe(rows.inputIds[0]?.length);
    for (const key of ['inputIds', 'tokenTypeIds', 'attentionMask'] as const) {
      expect([...batch[key]].map(Number), key).toEqual(rows[key].flat());
    }
  });
});
