import type { PairExample } from '../data/pair-example.js';
import type { PairTokenizer } from '../text/tokenizer.js';
import { type EncodedBatch, encodeBatches } from './batches.js';

/** Multiply-adds, over all modes, that the TypeScript reference is given unasked: well below a minute. */
const REFERENCE_BUDGET = 5e9;

/** However long it takes, so many examples there are at least. */
const FEWEST_EXAMPLES = 2;

export interface ChosenExamples {
  readonly examples: readonly PairExample[];
  readonly batches: readonly EncodedBatch[];
  /** Set when fewer were taken than asked for. */
  readonly note?: string;
}

export interface ExampleChoice {
  readonly tokenizer: PairTokenizer;
  readonly limit: number | null;
  readonly batch: number;
  readonly maxLength: number;
  /** True on the TypeScript reference. */
  readonly slow: boolean;
  /** Multiply-adds for one token, and passes over the data. */
  readonly weights: number;
  readonly passes: number;
}

/**
 * The examples to run, in order: all, or the first `limit`. On the reference backend, which is hundreds of times
 * slower than native kernels, and without a limit, a long run is cut to the first examples of below a minute, at
 * least two, and says so.
 */
export function chooseExamples(all: readonly PairExample[], choice: ExampleChoice): ChosenExamples {
  const { tokenizer, limit, batch, maxLength, slow, weights, passes } = choice;
  const examples = limit === null ? all : all.slice(0, limit);
  const batches = encodeBatches(tokenizer, examples, batch, maxLength);
  const tokens = batches.reduce((sum, { size, length }) => sum + size * length, 0);
  const share = REFERENCE_BUDGET / (weights * tokens * passes);
  const few = all.slice(0, Math.max(FEWEST_EXAMPLES, Math.floor(all.length * share)));
  if (!slow || limit !== null || few.length === all.length) return { examples, batches };
  return {
    examples: few,
    batches: encodeBatches(tokenizer, few, batch, maxLength),
    note:
      `the native kernels are not in use and the TypeScript reference backend is slow, so only the first ${few.length} of ` +
      `${all.length} examples were taken; --limit ${all.length} takes all`,
  };
}
