import { activeBackend, OctavoError } from '@octavo/core';
import type { CoverageReport } from '@octavo/observers';
import { loadNativeBackend } from '../native-backend.js';
import type { Task } from '../tasks/task.js';
import { PairTokenizer } from '../text/tokenizer.js';
import { type ChosenExamples, chooseExamples } from './choose-examples.js';
import { collectGarbage } from './collect-garbage.js';
import type { Evaluation, ModeResult, ModeRun } from './evaluation.js';
import { keysPerToken, multiplyAdds } from './int8-share.js';
import { type Measurement, measure } from './measure.js';
import { type ModelSource, openSource, type Row } from './model-source.js';
import { type CheckedOptions, checkOptions, type EvaluateOptions } from './options.js';
import { rowName } from './row-name.js';

/**
 * Evaluates a model on a task: one row a mode and qconfig, each made, run over all examples and let go before the
 * next, so that memory holds the float weights and one form of the model. The same inputs give the same metrics, bit for
 * bit, on every machine; only times differ.
 *
 * @throws OctavoError for bad options, files and data, and ABORTED when `signal` is.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const checked = checkOptions(options);
  await loadNativeBackend();
  const backend = activeBackend();
  const source = await openSource(checked);
  const chosen = await openData(checked, source, backend.name === 'reference');
  const runs = await runRows(checked, source, chosen);
  return {
    task: checked.task,
    runs,
    summary: {
      model: checked.model,
      task: checked.task.name,
      split: checked.split,
      examples: chosen.examples.length,
      ...(chosen.note === undefined ? {} : { note: chosen.note }),
      backend: { name: backend.name, isa: backend.isa, threads: backend.threads },
      modes: runs.map(({ result }) => result),
    },
  };
}

const FLOAT: Row = { mode: 'float', qconfig: null };

/** Tokens a pair may have where neither the options nor the model say less: GLUE's usual length. */
const DEFAULT_MAX_LENGTH = 128;

async function openData(options: CheckedOptions, source: ModelSource, slow: boolean): Promise<ChosenExamples> {
  const { maxPositions, rows } = source;
  if (options.maxLength !== null && maxPositions !== null && options.maxLength > maxPositions) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `max length ${options.maxLength} is more than the model's ${maxPositions} positions; give ${maxPositions} or less`,
    );
  }
  const tokenizer = await PairTokenizer.fromFolder(source.tokenizerDir);
  const examples = await options.task.load(options.data, options.split);
  return chooseExamples(examples, {
    tokenizer,
    slow,
    limit: options.limit,
    batch: options.batch,
    maxLength: options.maxLength ?? Math.min(DEFAULT_MAX_LENGTH, maxPositions ?? DEFAULT_MAX_LENGTH),
    weights: source.weights,
    passes: rows.length + (rows.some(isFloat) ? 0 : 1),
  });
}

/** Makes all rows. The float model comes first, asked for or not: the others are compared with it. */
async function runRows(options: CheckedOptions, source: ModelSource, chosen: ChosenExamples): Promise<ModeRun[]> {
  let float: MeasuredRow | null = null;
  if (source.hasFloat) {
    const name = source.rows.some(isFloat) ? 'float' : 'float, to compare';
    float = await measureRow(FLOAT, name, options, source, chosen);
  }
  const runs: ModeRun[] = [];
  for (const row of source.rows) {
    const own = isFloat(row) && float !== null ? float : await measureRow(row, rowName(row), options, source, chosen);
    runs.push(toRun(row, own, float, options.task, chosen));
  }
  return runs;
}

function isFloat({ mode }: Row): boolean {
  return mode === 'float';
}

interface MeasuredRow extends Measurement {
  readonly coverage: CoverageReport;
  readonly sizeBytes: number;
  /** For one token. */
  readonly multiplyAdds: { readonly all: number; readonly int8: number };
}

async function measureRow(
  row: Row,
  name: string,
  { task, signal, onProgress }: CheckedOptions,
  source: ModelSource,
  { batches, examples }: ChosenExamples,
): Promise<MeasuredRow> {
  if (signal?.aborted) throw new OctavoError('ABORTED', '[evaluate] aborted by its signal', { cause: signal.reason });
  // Before: what the last row has left behind. After: what conversion has, as the first run packs weights once more.
  await collectGarbage();
  const runner = source.open(row);
  await collectGarbage();
  try {
    const measurement = await measure(runner, batches, {
      labels: task.labels.length,
      signal,
      warmUp: activeBackend().name !== 'reference',
      onBatch: (done) => onProgress({ name, done, total: examples.length }),
    });
    const { coverage, sizeBytes, tracedLength } = runner;
    return {
      ...measurement,
      coverage,
      sizeBytes,
      multiplyAdds: multiplyAdds(coverage, keysPerToken(batches), tracedLength),
    };
  } finally {
    runner.dispose();
  }
}

function toRun(
  { mode, qconfig }: Row,
  own: MeasuredRow,
  float: MeasuredRow | null,
  task: Task,
  { examples }: ChosenExamples,
): ModeRun {
  const { logits, predictions, totalSeconds, msPerBatch, coverage } = own;
  // The float graph knows of all multiply-adds; eager modules report their linears alone.
  const { all } = (float ?? own).multiplyAdds;
  const result: ModeResult = {
    mode,
    scheme: mode === 'float' ? null : 'dynamic',
    qconfig,
    sizeMB: own.sizeBytes / 1e6,
    metrics: task.score(
      predictions,
      examples.map(({ label }) => label),
    ),
    labelsChanged: float === null ? null : predictions.filter((label, i) => label !== float.predictions[i]).length,
    totalSeconds,
    msPerExample: (totalSeconds * 1000) / examples.length,
    msPerBatch,
    speedup: float === null ? null : float.totalSeconds / totalSeconds,
    int8Share: all === 0 ? 0 : own.multiplyAdds.int8 / all,
  };
  return { result, logits, predictions, coverage };
}
