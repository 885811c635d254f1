import type { CoverageReport } from '@octavo/observers';
import type { Task } from '../tasks/task.js';

/** How a model can be run. */
export type ModeName = 'float' | 'eager' | 'graph' | 'debug';

/** How int8 is made: with ranges taken at run time, or from a calibration. */
export type SchemeName = 'dynamic' | 'static';

/** One row of the result: one mode with one qconfig. Written to `--json` as it stands. */
export interface ModeResult {
  readonly mode: ModeName;
  readonly scheme: SchemeName | null;
  readonly qconfig: string | null;
  /**
   * In a row that runs the saved and loaded form of the row before it: whether each logit has the bits it had there.
   */
  readonly reloaded?: { readonly sameBits: boolean };
  /** Megabytes (10^6 bytes) of the file that our own save writes for this form of the model. */
  readonly sizeMB: number;
  /** The task's metrics by key, in 0..1. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Predictions that differ from the float model's; null where there is no float model to ask (a saved int8 graph). */
  readonly labelsChanged: number | null;
  /** Time in the model, all batches together: without loading, preparing the inputs and a first run that warms up. */
  readonly totalSeconds: number;
  readonly msPerExample: number;
  /** Median over the batches of full size. */
  readonly msPerBatch: number;
  /** The float model's time divided by this one's; null where `labelsChanged` is. */
  readonly speedup: number | null;
  /** Share of the model's multiply-adds (convolutions, linears and attention) that ran in int8, in 0..1. */
  readonly int8Share: number;
}

/** The result of an evaluation: what `--json` writes. */
export interface EvaluationSummary {
  /** As it was given: a folder or a file. */
  readonly model: string;
  readonly task: string;
  readonly split: string;
  readonly examples: number;
  /** What a reader must know to judge the numbers, such as that fewer examples than asked were taken. */
  readonly note?: string;
  readonly backend: { readonly name: string; readonly isa: string; readonly threads: number };
  readonly modes: readonly ModeResult[];
}

/** One row and what does not fit into a row. */
export interface ModeRun {
  readonly result: ModeResult;
  /** [examples, labels], row-major, in the order of the data. */
  readonly logits: Float32Array;
  /** The class of the largest logit of each example. */
  readonly predictions: readonly number[];
  /** Which layers ran in int8, and why. */
  readonly coverage: CoverageReport;
}

/** Everything an evaluation found out. */
export interface Evaluation {
  readonly summary: EvaluationSummary;
  readonly task: Task;
  /** In the order of `summary.modes`. */
  readonly runs: readonly ModeRun[];
}
