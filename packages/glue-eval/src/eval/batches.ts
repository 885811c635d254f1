import { Tensor } from '@octavo/core';
import type { PairExample } from '../data/pair-example.js';
import type { PairTokenizer } from '../text/tokenizer.js';
import type { Batch } from './workload.js';

/** Encoded pairs of sentences. */
export interface EncodedBatch extends Batch {
  /** Input ids, attention mask and token type ids, int64 [size, length]. */
  readonly inputs: readonly [Tensor, Tensor, Tensor];
  readonly length: number;
}

/** Examples in their order, in batches of `size` (the last may be smaller), each padded to its longest. */
export function encodeBatches(
  tokenizer: PairTokenizer,
  examples: readonly PairExample[],
  size: number,
  maxLength: number,
): EncodedBatch[] {
  const batches: EncodedBatch[] = [];
  for (let start = 0; start < examples.length; start += size) {
    const pairs = examples.slice(start, start + size).map(({ first, second }) => [first, second] as const);
    const { inputIds, attentionMask, tokenTypeIds, batch, length } = tokenizer.encodeBatch(pairs, maxLength);
    const dims = [batch, length];
    batches.push({
      inputs: [
        new Tensor('int64', inputIds, dims),
        new Tensor('int64', attentionMask, dims),
        new Tensor('int64', tokenTypeIds, dims),
      ],
      size: batch,
      length,
    });
  }
  return batches;
}
