import type { Tensor } from '@octavo/core';
import type { ModeName } from './evaluation.js';
import type { EvaluationProgress } from './options.js';
import type { Runner } from './runner.js';

/** One row to be made. */
export interface Row {
  readonly mode: ModeName;
  /** Null in float mode, and for a saved graph, whose qconfig is history. */
  readonly qconfig: string | null;
  /** The row before it, saved and loaded. */
  readonly reloaded: boolean;
}

/** The inputs of one call of the model. */
export interface Batch {
  readonly inputs: readonly Tensor[];
  /** How many examples. */
  readonly size: number;
}

/** What is evaluated on what: a model in the forms it can take, and the examples, both opened by the task's kind. */
export interface Workload {
  /** In the order of the result. */
  readonly rows: readonly Row[];
  /** Whether the float model is there to compare with. */
  readonly hasFloat: boolean;
  /** The number of classes: columns of the logits. */
  readonly classes: number;
  /** The true class of each example. */
  readonly labels: readonly number[];
  /** What a reader must know to judge the numbers. */
  readonly notes: readonly string[];
  /** All examples in order, anew at each iteration. */
  readonly batches: Iterable<Batch> | AsyncIterable<Batch>;
  /** Makes the form of a row. What takes long reports its progress. */
  open(row: Row, onProgress: (event: EvaluationProgress) => void): Promise<Runner>;
  /** Multiply-adds that do not change with the example: all, and those in int8. */
  multiplyAdds(runner: Runner): MultiplyAdds;
  /** Removes what was written on the way. */
  close(): Promise<void>;
}

export interface MultiplyAdds {
  readonly all: number;
  readonly int8: number;
}
