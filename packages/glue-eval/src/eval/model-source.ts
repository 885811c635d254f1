import { stat } from 'node:fs/promises';
import { OctavoError } from '@octavo/core';
import { loadGraph } from '@octavo/graph';
import { openPretrained } from '../models/huggingface.js';
import { checkInputNames } from '../models/inputs.js';
import type { Task } from '../tasks/task.js';
import type { ModeName } from './evaluation.js';
import { graphRunner, MODES } from './modes.js';
import type { CheckedOptions } from './options.js';
import { dynamicPreset } from './qconfigs.js';
import type { Runner } from './runner.js';

/** One row to be made. */
export interface Row {
  readonly mode: ModeName;
  /** Null in float mode, and for a saved graph, whose qconfig is history. */
  readonly qconfig: string | null;
}

/** Where runners come from: a float model that every mode can start from, or a saved graph that is what it is. */
export interface ModelSource {
  /** In the order of the result. */
  readonly rows: readonly Row[];
  /** Whether the float model is there to compare with. */
  readonly hasFloat: boolean;
  readonly tokenizerDir: string;
  /** The longest sequence, or null where the model does not say. */
  readonly maxPositions: number | null;
  /** Roughly, the number of weights: the multiply-adds that one token costs. */
  readonly weights: number;
  open(row: Row): Runner;
}

/** Opens what `--model` names: a Hugging Face folder, or a saved graph. */
export async function openSource(options: CheckedOptions): Promise<ModelSource> {
  const found = await stat(options.model).catch(() => null);
  return found?.isFile() ? openFile(options) : openFolder(options);
}

/** Without `--mode`: everything but debug, which is for looking at numbers. */
const DEFAULT_MODES: readonly ModeName[] = ['float', 'eager', 'graph'];

async function openFolder({ model: dir, task, tokenizer, modes, qconfigs }: CheckedOptions): Promise<ModelSource> {
  const pretrained = await openPretrained(dir);
  checkLabels(pretrained.config.labels, task, dir);
  const rows = (modes ?? DEFAULT_MODES).flatMap((mode): Row[] =>
    MODES[mode].quantized
      ? (qconfigs ?? [task.defaults.qconfig]).map((qconfig) => ({ mode, qconfig }))
      : [{ mode, qconfig: null }],
  );
  return {
    rows,
    hasFloat: true,
    tokenizerDir: tokenizer ?? dir,
    maxPositions: pretrained.config.maxPositions,
    weights: pretrained.weights,
    open: ({ mode, qconfig }) =>
      MODES[mode].open(pretrained.build(), qconfig === null ? null : dynamicPreset(qconfig).qconfig),
  };
}

function checkLabels(labels: readonly string[], task: Task, dir: string): void {
  if (labels.length === task.labels.length) return;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `model ${dir}: expected ${task.labels.length} labels for task ${task.name} (${task.labels.join(', ')}), got ` +
      `${labels.length} (${labels.join(', ')}); take a model that was trained for it`,
  );
}

/** The mode that a saved graph's stage is. */
const MODE_OF_STAGE: Readonly<Record<string, ModeName>> = { float: 'float', quantized: 'graph', debug: 'debug' };

async function openFile({ model: file, tokenizer, modes, qconfigs }: CheckedOptions): Promise<ModelSource> {
  if (tokenizer === null) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `model ${file} is a saved graph, which holds no tokenizer; give the Hugging Face folder that has it with --tokenizer`,
    );
  }
  const graph = await loadGraph(file);
  checkInputNames(graph.inputNames, file);
  const mode = MODE_OF_STAGE[graph.stage];
  if (mode === undefined)
    throw new OctavoError('UNSUPPORTED', `${file}: a graph in the stage '${graph.stage}' cannot be evaluated`);
  if (qconfigs !== null || (modes !== null && modes.join() !== mode)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `model ${file} is a saved graph of mode ${mode}, which other modes and qconfigs cannot be made from; give the ` +
        'Hugging Face folder, or leave --mode and --qconfig out',
    );
  }
  const runner = graphRunner(graph);
  return {
    rows: [{ mode, qconfig: null }],
    hasFloat: mode === 'float',
    tokenizerDir: tokenizer,
    maxPositions: null,
    weights: runner.sizeBytes,
    open: () => runner,
  };
}
