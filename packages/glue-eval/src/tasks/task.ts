import type { ImageData } from '../data/images.js';
import type { PairExample } from '../data/pair-example.js';
import type { SchemeName } from '../eval/evaluation.js';

/** One number that a task is scored by, in 0..1. */
export interface Metric {
  /** Its key in the JSON result. */
  readonly key: string;
  /** Its column in tables. */
  readonly title: string;
}

/** What a model said about the examples of a task. */
export interface Answers {
  /** [examples, classes], row-major. */
  readonly logits: Float32Array;
  /** The class of the largest logit of each example. */
  readonly predictions: readonly number[];
}

/** What all tasks have: a row of the task table. */
interface TaskRow {
  /** The name that `--task` takes. */
  readonly name: string;
  readonly title: string;
  readonly metrics: readonly Metric[];
  /** Taken when `--split`, `--scheme` and `--qconfig` are not given; the scheme is the only one. */
  readonly defaults: { readonly split: string; readonly scheme: SchemeName; readonly qconfig: string };
  /** The values of `metrics` by key; `labels` holds the true class of each example. */
  score(answers: Answers, labels: readonly number[]): Record<string, number>;
}

/** Classification of pairs of sentences. */
export interface PairTask extends TaskRow {
  readonly kind: 'sentence-pair';
  /** Class names by index; a model must have as many. */
  readonly labels: readonly string[];
  load(dataDir: string, split: string): Promise<PairExample[]>;
}

/** Classification of images, whose classes come with the data. */
export interface ImageTask extends TaskRow {
  readonly kind: 'image';
  load(dataDir: string, split: string): Promise<ImageData>;
}

/**
 * A data set with its scores and the defaults for evaluating on it. Its kind says how models and examples are opened.
 */
export type Task = PairTask | ImageTask;
