import { describe, expect, it } from 'vitest';
import { chooseExamples } from '../../src/eval/choose-examples.js';
import type { PairTokenizer } from '../../src/text/tokenizer.js';

const all = Array.from({ length: 20 }, (_, i) => ({ id: String(i), first: 'a', second: 'b', label: i % 2 }));

/** Every pair has 10 tokens. */
const tokenizer = {
  encodeBatch: (pairs: readonly unknown[]) => {
    const ids = new BigInt64Array(pairs.length * 10);
    return { inputIds: ids, attentionMask: ids, tokenTypeIds: ids, batch: pairs.length, length: 10 };
  },
} as unknown as PairTokenizer;

const choice = { tokenizer, limit: null, batch: 8, maxLength: 128, slow: true, weights: 100e6, passes: 4 };

describe('chooseExamples', () => {
  it('cuts a long run on the reference to the first examples, and says so', () => {
    const { examples, batches, note } = chooseExamples(all, choice);
    expect(examples).toEqual(all.slice(0, 2));
    expect(batches.map(({ size }) => size)).toEqual([2]);
    expect(note).toContain('only the first 2 of 20 examples were taken; --limit 20 takes all');
  });

  it('takes more of them where they are cheaper', () => {
    const { examples } = chooseExamples(all, { ...choice, passes: 1 });
    expect(examples).toEqual(all.slice(0, 5));
  });

  it.each([
    ['a limit', { limit: 12 }, 12],
    ['native kernels', { slow: false }, 20],
    ['a small model', { weights: 1000 }, 20],
  ])('takes what was asked for with %s', (_, change, count) => {
    const { examples, batches, note } = chooseExamples(all, { ...choice, ...change });
    expect(examples).toEqual(all.slice(0, count));
    expect(batches.reduce((sum, { size }) => sum + size, 0)).toBe(count);
    expect(note).toBeUndefined();
  });
});
