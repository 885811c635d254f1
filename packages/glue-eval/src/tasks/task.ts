import type { PairExample } from '../data/pair-example.js';

/** One number that a task is scored by, in 0..1. */
export interface Metric {
  /** Its key in the JSON result. */
  readonly key: string;
  /** Its column in tables. */
  readonly title: string;
}

/** A data set with its scores and the defaults for evaluating on it: one row of the task table. */
export interface Task {
  /** The name that `--task` takes. */
  readonly name: string;
  readonly title: string;
  /** What its examples are: the loader and the tokenization follow from it. */
  readonly kind: 'sentence-pair';
  /** Class names by index; a model must have as many. */
  readonly labels: readonly string[];
  readonly metrics: readonly Metric[];
  /** Taken when `--split`, `--scheme` and `--qconfig` are not given. */
  readonly defaults: { readonly split: string; readonly scheme: 'dynamic'; readonly qconfig: string };
  load(dataDir: string, split: string): Promise<PairExample[]>;
  /** The values of `metrics` by key, from one class index an example. */
  score(predictions: readonly number[], labels: readonly number[]): Record<string, number>;
}
