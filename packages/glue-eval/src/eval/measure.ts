import { OctavoError, type Tensor } from '@octavo/core';
import { median } from '../metrics/median.js';
import type { Runner } from './runner.js';
import type { Batch } from './workload.js';

/** What a pass over the data gives. */
export interface Measurement {
  /** [examples, labels], row-major. */
  readonly logits: Float32Array;
  readonly predictions: readonly number[];
  readonly totalSeconds: number;
  readonly msPerBatch: number;
}

export interface MeasureOptions {
  readonly labels: number;
  readonly signal: AbortSignal | undefined;
  /** Runs the first batch once before, untimed. */
  readonly warmUp: boolean;
  /** Called before the first batch and after each, with the examples done. */
  onBatch(done: number): void;
}

/**
 * Runs all batches in order and times each. A warm-up keeps what happens once out of the times: at its first run a
 * model packs its weights.
 */
export async function measure(
  runner: Runner,
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  { labels, signal, warmUp, onBatch }: MeasureOptions,
): Promise<Measurement> {
  const logits: number[] = [];
  const times: { readonly size: number; readonly ms: number }[] = [];
  onBatch(0);
  for await (const { inputs, size } of batches) {
    await turnOfEventLoop();
    if (signal?.aborted) throw new OctavoError('ABORTED', '[evaluate] aborted by its signal', { cause: signal.reason });
    if (warmUp && times.length === 0) await runner.run(inputs, signal);
    const start = performance.now();
    const output = await runner.run(inputs, signal);
    times.push({ size, ms: performance.now() - start });
    logits.push(...checkLogits(output, size, labels, logits.length / labels));
    onBatch(logits.length / labels);
  }
  return {
    logits: Float32Array.from(logits),
    predictions: argmaxRows(logits, labels),
    totalSeconds: times.reduce((sum, { ms }) => sum + ms, 0) / 1000,
    msPerBatch: median(times.filter(({ size }) => size === times[0]?.size).map(({ ms }) => ms)),
  };
}

/** Ctrl-C and the progress bar get their turn; an eager model would never give it. */
function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A logit that is no number has no largest neighbour: predictions made from it would be noise that looks like data. */
function checkLogits(output: Tensor, size: number, labels: number, before: number): Float32Array {
  const { data, dims } = output as Tensor<'float32'>;
  if (output.type !== 'float32' || dims.join() !== `${size},${labels}`) {
    throw new OctavoError(
      'INVALID_DATA',
      `the model gave ${output.type} [${dims.join(', ')}]; expected logits float32 [${size}, ${labels}], one row an ` +
        'example and one column a label of the task',
    );
  }
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const example = before + Math.floor(bad / labels);
    throw new OctavoError(
      'INVALID_DATA',
      `the model gave the logit ${data[bad]} for example ${example} (from 0); its weights may be damaged`,
    );
  }
  return data;
}

/** The first index of the largest value of each row. */
export function argmaxRows(values: ArrayLike<number>, columns: number): number[] {
  return Array.from({ length: values.length / columns }, (_, row) => {
    let best = 0;
    for (let c = 1; c < columns; c++) {
      if ((values[row * columns + c] as number) > (values[row * columns + best] as number)) best = c;
    }
    return best;
  });
}
