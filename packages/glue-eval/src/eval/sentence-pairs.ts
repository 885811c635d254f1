import { stat } from 'node:fs/promises';
import { OctavoError } from '@octavo/core';
import { graphSizeBytes } from '@octavo/graph';
import { openPretrained } from '../models/huggingface.js';
import { checkInputs, exampleInputs, INPUT_NAMES, logitsName } from '../models/inputs.js';
import { isForeign, openGraph } from '../models/open-graph.js';
import type { PairTask } from '../tasks/task.js';
import { PairTokenizer } from '../text/tokenizer.js';
import { chooseExamples } from './choose-examples.js';
import { DYNAMIC_FORMS } from './dynamic-modes.js';
import { type GraphForm, rowsOfGraph } from './graph-file.js';
import { keysPerToken, multiplyAdds } from './int8-share.js';
import { MODES, type Mode } from './modes.js';
import type { CheckedOptions } from './options.js';
import { presetOf } from './qconfigs.js';
import { rowsOf } from './rows.js';
import type { Runner } from './runner.js';
import { graphRunner } from './runners.js';
import type { Row, Workload } from './workload.js';

/** Tokens a pair may have where neither the options nor the model say less: GLUE's usual length. */
const DEFAULT_MAX_LENGTH = 128;

/** Tokens of the sentence that graphs are traced with; they serve any length. */
const TRACED_LENGTH = 3;

/** Opens a text classifier, or a graph of one, and the pairs of sentences to evaluate it on. */
export async function openPairs(options: CheckedOptions, slow: boolean): Promise<Workload> {
  const task = options.task as PairTask;
  const source = await openSource(options, task);
  const { maxPositions, rows } = source;
  if (options.maxLength !== null && maxPositions !== null && options.maxLength > maxPositions) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `max length ${options.maxLength} is more than the model's ${maxPositions} positions; give ${maxPositions} or less`,
    );
  }
  const tokenizer = await PairTokenizer.fromFolder(source.tokenizerDir);
  const { examples, batches, note } = chooseExamples(await task.load(options.data, options.split), {
    tokenizer,
    slow,
    limit: options.limit,
    batch: options.batch,
    maxLength: options.maxLength ?? Math.min(DEFAULT_MAX_LENGTH, maxPositions ?? DEFAULT_MAX_LENGTH),
    weights: source.weights,
    passes: rows.length + (rows.some(({ mode }) => mode === 'float') ? 0 : 1),
  });
  const keys = keysPerToken(batches);
  return {
    rows,
    hasFloat: source.hasFloat,
    classes: task.labels.length,
    labels: examples.map(({ label }) => label),
    notes: [...source.notes, ...(note === undefined ? [] : [note])],
    batches,
    open: (row) => source.open(row),
    multiplyAdds: ({ coverage, tracedLength }) => multiplyAdds(coverage, keys, tracedLength),
    close: async () => {},
  };
}

/** Where runners come from: a float model that modes start from, or a graph that is what it is. */
interface ModelSource {
  readonly rows: readonly Row[];
  readonly hasFloat: boolean;
  readonly tokenizerDir: string;
  /** The longest sequence, or null where the model does not say. */
  readonly maxPositions: number | null;
  /** Roughly, the number of weights: the multiply-adds that one token costs. */
  readonly weights: number;
  /** What a reader must know to judge the numbers. */
  readonly notes: readonly string[];
  open(row: Row): Promise<Runner>;
}

/** Opens what `--model` names: a Hugging Face folder, a saved graph, or an ONNX model. */
async function openSource(options: CheckedOptions, task: PairTask): Promise<ModelSource> {
  const found = await stat(options.model).catch(() => null);
  return found?.isFile() || isForeign(options.model) ? openFile(options) : openFolder(options, task);
}

async function openFolder(options: CheckedOptions, task: PairTask): Promise<ModelSource> {
  const { model: dir, tokenizer } = options;
  const { scheme } = task.defaults;
  const pretrained = await openPretrained(dir);
  checkLabels(pretrained.config.labels, task, dir);
  return {
    rows: rowsOf(options),
    hasFloat: true,
    tokenizerDir: tokenizer ?? dir,
    maxPositions: pretrained.config.maxPositions,
    weights: pretrained.weights,
    notes: [],
    open: ({ mode, qconfig }) =>
      (MODES[scheme][mode] as Mode).open(pretrained.build(), {
        qconfig: qconfig === null ? null : presetOf(scheme, qconfig).qconfig,
        exampleInputs: exampleInputs(TRACED_LENGTH),
        calibration: null,
      }),
  };
}

function checkLabels(labels: readonly string[], task: PairTask, dir: string): void {
  if (labels.length === task.labels.length) return;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `model ${dir}: expected ${task.labels.length} labels for task ${task.name} (${task.labels.join(', ')}), got ` +
      `${labels.length} (${labels.join(', ')}); take a model that was trained for it`,
  );
}

const OPEN_DIMS =
  'the share of int8 is that of linears alone: what attention costs depends on lengths, which ONNX leaves open';

async function openFile(options: CheckedOptions): Promise<ModelSource> {
  const { model: file, tokenizer } = options;
  if (tokenizer === null) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `model ${file} is a graph, which holds no tokenizer; give the Hugging Face folder that has it with --tokenizer`,
    );
  }
  const graph = await openGraph(file);
  checkInputs(graph, file);
  const output = logitsName(graph, file);
  const notes = isForeign(file) ? [OPEN_DIMS] : [];
  const about = { tokenizerDir: tokenizer, maxPositions: null, weights: graphSizeBytes(graph), notes };
  const ends = { names: INPUT_NAMES, output };
  const { rows, hasFloat, isSource } = rowsOfGraph(graph, options);
  const { scheme } = options.task.defaults;
  return {
    ...about,
    rows,
    hasFloat,
    open: async ({ mode, qconfig }) => {
      if (!isSource) return graphRunner(graph, ends);
      const preset = qconfig === null ? null : presetOf(scheme, qconfig).qconfig;
      return graphRunner(DYNAMIC_FORMS[mode as GraphForm](graph, preset), ends);
    },
  };
}
