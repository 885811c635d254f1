import type { Bench } from './bench.js';

/** Medians of one piece of work, in milliseconds; null where a contender has no such thing. The rows of `--json`. */
export interface Row {
  readonly name: string;
  /** The instruction set of our kernels; ONNX Runtime always takes the best it has. */
  readonly isa: string;
  readonly threads: number;
  /** Our int8 (the row's name says where it is another scheme or mode). */
  readonly oursMs: number | null;
  readonly ortInt8Ms: number | null;
  readonly ortFloatMs: number | null;
  /** Our int8 multiply-adds a second, as a share of the measured int8 peak of `threads` cores. */
  readonly peakShare: number | null;
  readonly oursFloatMs: number | null;
  /** Distance of our int8 from our float, and of ONNX Runtime's int8 from its float: |a - b| / |b|, 2-norms. */
  readonly oursInt8Error?: number;
  readonly ortInt8Error?: number;
  /** For rows of eager mode: the same model as a graph, timed in the same rounds. */
  readonly graphMs?: number;
  /** For rows of several threads: our int8 on one thread, timed in the same rounds. */
  readonly oneThreadMs?: number;
  /** For rows of whole processes: the most memory that each held, in MB. */
  readonly peakMb?: Readonly<Record<'ours' | 'oursFloat' | 'ortInt8' | 'ortFloat', number>>;
}

/** Rows that share what is built for them. */
export interface RowGroup {
  readonly names: readonly string[];
  /** Verifies, times and yields the rows that are wanted. */
  run(bench: Bench, wants: (name: string) => boolean): AsyncIterable<Row>;
}
