import { activeBackend, OctavoError } from '@octavo/core';
import type { CoverageReport } from '@octavo/observers';
import { loadNativeBackend } from '../native-backend.js';
import type { Task } from '../tasks/task.js';
import { collectGarbage } from './collect-garbage.js';
import type { Evaluation, ModeResult, ModeRun } from './evaluation.js';
import { type Measurement, measure } from './measure.js';
import { type CheckedOptions, checkOptions, type EvaluateOptions } from './options.js';
import { rowName } from './row-name.js';
import { TASK_KINDS } from './task-kinds.js';
import type { MultiplyAdds, Row, Workload } from './workload.js';

/**
 * Evaluates a model on a task: one row a mode and qconfig, each made, run over all examples and let go before the
 * next, so that memory holds the float weights and one form of the model. The same inputs give the same metrics, bit
 * for bit, on every machine; only times differ.
 *
 * @throws OctavoError for bad options, files and data, and ABORTED when `signal` is.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const checked = checkOptions(options);
  await loadNativeBackend();
  const backend = activeBackend();
  const { task } = checked;
  const workload = await TASK_KINDS[task.kind].open(checked, backend.name === 'reference');
  try {
    const runs = await runRows(checked, workload);
    return {
      task,
      runs,
      summary: {
        model: checked.model,
        task: task.name,
        split: checked.split,
        examples: workload.labels.length,
        ...(workload.notes.length === 0 ? {} : { note: workload.notes.join('; ') }),
        backend: { name: backend.name, isa: backend.isa, threads: backend.threads },
        modes: runs.map(({ result }) => result),
      },
    };
  } finally {
    await workload.close();
  }
}

const FLOAT: Row = { mode: 'float', qconfig: null, reloaded: false };

/** Makes all rows. The float model comes first, asked for or not: the others are compared with it. */
async function runRows(options: CheckedOptions, workload: Workload): Promise<ModeRun[]> {
  let float: MeasuredRow | null = null;
  if (workload.hasFloat) {
    const name = workload.rows.some(isFloat) ? 'float' : 'float, to compare';
    float = await measureRow(FLOAT, name, options, workload);
  }
  const runs: ModeRun[] = [];
  for (const row of workload.rows) {
    const own = isFloat(row) && float !== null ? float : await measureRow(row, rowName(row), options, workload);
    const before = row.reloaded ? (runs.at(-1) as ModeRun).logits : null;
    runs.push(toRun(row, own, { float, before, task: options.task, labels: workload.labels }));
  }
  return runs;
}

function isFloat({ mode }: Row): boolean {
  return mode === 'float';
}

interface MeasuredRow extends Measurement {
  readonly coverage: CoverageReport;
  readonly sizeBytes: number;
  readonly multiplyAdds: MultiplyAdds;
}

async function measureRow(
  row: Row,
  name: string,
  { signal, onProgress }: CheckedOptions,
  workload: Workload,
): Promise<MeasuredRow> {
  if (signal?.aborted) throw new OctavoError('ABORTED', '[evaluate] aborted by its signal', { cause: signal.reason });
  // Before: what the last row has left behind. After: what conversion has, as the first run packs weights once more.
  await collectGarbage();
  const runner = await workload.open(row, onProgress);
  await collectGarbage();
  try {
    const measurement = await measure(runner, workload.batches, {
      labels: workload.classes,
      signal,
      warmUp: activeBackend().name !== 'reference',
      onBatch: (done) => onProgress({ name, done, total: workload.labels.length }),
    });
    const { coverage, sizeBytes } = runner;
    return { ...measurement, coverage, sizeBytes, multiplyAdds: workload.multiplyAdds(runner) };
  } finally {
    runner.dispose();
  }
}

interface Compared {
  readonly float: MeasuredRow | null;
  /** Logits of the same form before it was saved and loaded. */
  readonly before: Float32Array | null;
  readonly task: Task;
  readonly labels: readonly number[];
}

function toRun({ mode, qconfig }: Row, own: MeasuredRow, { float, before, task, labels }: Compared): ModeRun {
  const { logits, predictions, totalSeconds, msPerBatch, coverage } = own;
  // The float form knows of all multiply-adds; eager modules report their linears alone.
  const { all } = (float ?? own).multiplyAdds;
  const result: ModeResult = {
    mode,
    scheme: mode === 'float' ? null : task.defaults.scheme,
    qconfig,
    ...(before === null ? {} : { reloaded: { sameBits: sameBits(logits, before) } }),
    sizeMB: own.sizeBytes / 1e6,
    metrics: task.score(own, labels),
    labelsChanged: float === null ? null : predictions.filter((label, i) => label !== float.predictions[i]).length,
    totalSeconds,
    msPerExample: (totalSeconds * 1000) / labels.length,
    msPerBatch,
    speedup: float === null ? null : float.totalSeconds / totalSeconds,
    int8Share: all === 0 ? 0 : own.multiplyAdds.int8 / all,
  };
  return { result, logits, predictions, coverage };
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
