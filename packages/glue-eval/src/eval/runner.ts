import type { Tensor } from '@octavo/core';
import type { CoverageReport } from '@octavo/observers';

/** A model in one form, ready to run. */
export interface Runner {
  /** Logits float32 [batch, labels]. */
  run(inputs: readonly Tensor[], signal?: AbortSignal): Promise<Tensor>;
  /** Bytes of the file that our own save writes. */
  readonly sizeBytes: number;
  readonly coverage: CoverageReport;
  /** The sequence length that `coverage` counts attention for; 1 where it does not count attention. */
  readonly tracedLength: number;
  /** Writes that file. */
  save(file: string): Promise<unknown>;
  /** Frees weights held outside the JavaScript heap. */
  dispose(): void;
}
