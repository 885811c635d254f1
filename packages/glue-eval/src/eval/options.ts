import { OctavoError } from '@octavo/core';
import { taskByName } from '../tasks/registry.js';
import type { Task } from '../tasks/task.js';
import { unknownName } from '../unknown-name.js';
import { type CalibrationSource, parseCalibration } from './calibration.js';
import type { ModeName } from './evaluation.js';
import { MODES } from './modes.js';
import { presetOf } from './qconfigs.js';
import { TASK_KINDS } from './task-kinds.js';

/** A pass over the data has got on. `done` 0 starts a pass, `done` = `total` ends it. */
export interface EvaluationProgress {
  /** `eager perRow`: the row that is being made. */
  readonly name: string;
  readonly done: number;
  readonly total: number;
}

export interface EvaluateOptions {
  /**
   * A folder with `config.json` and `model.safetensors`; for text also a file that `saveGraph` or `octavo quantize`
   * wrote, or an ONNX model; for images also a name such as `resnet18`.
   */
  readonly model: string;
  readonly task: string;
  /** Folder with the task's data: `dev.tsv` or Parquet files; for images `synsets.txt` and `val/<synset>/`. */
  readonly data: string;
  /** Default: the task's. */
  readonly split?: string;
  /** Default: all that the task has but debug. A saved file has one mode of its own. */
  readonly modes?: readonly string[];
  /** Default: the task's. */
  readonly scheme?: string;
  /** By name; each quantized mode gives one row for each. Default: the task's. */
  readonly qconfigs?: readonly string[];
  /** Takes the first so many examples. */
  readonly limit?: number;
  /** Examples in a batch, 8 by default. Batches are in the data's order, those of text padded to their longest. */
  readonly batch?: number;
  /** Tokens in a pair, special tokens included; longer pairs are truncated. 128 by default, or what the model takes. */
  readonly maxLength?: number;
  /** Folder with `tokenizer.json`. Default: the model's folder. */
  readonly tokenizer?: string;
  /** For images: safetensors, or a `.pth` state dict. Default: the model's folder; a name alone has random weights. */
  readonly weights?: string;
  /** For images: `FOLDER` or `FOLDER:N`, whose first N images calibrate. Default: 64 of the data. */
  readonly calibrate?: string;
  /**
   * For images, of a graph in a file: a model's folder or name whose preprocessing it has. Default: what a config.json
   * beside the file says, else torchvision's.
   */
  readonly preprocess?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: EvaluationProgress) => void;
}

/** Options after checking, with defaults in place. */
export interface CheckedOptions {
  readonly model: string;
  readonly task: Task;
  readonly data: string;
  readonly split: string;
  /** Null where none were given. */
  readonly modes: readonly ModeName[] | null;
  readonly qconfigs: readonly string[] | null;
  readonly limit: number | null;
  readonly batch: number;
  readonly maxLength: number | null;
  readonly tokenizer: string | null;
  readonly weights: string | null;
  readonly calibrate: CalibrationSource | null;
  readonly preprocess: string | null;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (event: EvaluationProgress) => void;
}

/** Checks everything that can be checked without reading a file. */
export function checkOptions(options: EvaluateOptions): CheckedOptions {
  const task = taskByName(options.task);
  const { scheme } = task.defaults;
  if ((options.scheme ?? scheme) !== scheme) throw unknownName('scheme', options.scheme as string, [scheme]);
  checkKindOptions(task, options);
  return {
    model: options.model,
    task,
    data: options.data,
    split: options.split ?? task.defaults.split,
    modes: options.modes === undefined ? null : checkList('mode', options.modes, (name) => checkMode(name, task)),
    qconfigs:
      options.qconfigs === undefined
        ? null
        : checkList('qconfig', options.qconfigs, (name) => presetOf(scheme, name).name),
    limit: options.limit === undefined ? null : checkCount('limit', options.limit),
    batch: checkCount('batch', options.batch ?? 8),
    maxLength: options.maxLength === undefined ? null : checkCount('maxLength', options.maxLength),
    tokenizer: options.tokenizer ?? null,
    weights: options.weights ?? null,
    calibrate: options.calibrate === undefined ? null : parseCalibration(options.calibrate),
    preprocess: options.preprocess ?? null,
    signal: options.signal,
    onProgress: options.onProgress ?? (() => {}),
  };
}

/** The names as they are called in the result, each once, in the order they were given. */
function checkList<N extends string>(what: string, names: readonly string[], check: (name: string) => N): N[] {
  if (names.length === 0) throw new OctavoError('INVALID_ARGUMENT', `expected at least one ${what}, got none`);
  return [...new Set(names.map(check))];
}

function checkMode(name: string, task: Task): ModeName {
  const known = Object.keys(MODES[task.defaults.scheme]);
  if (known.includes(name)) return name as ModeName;
  throw unknownName(`mode of task ${task.name}`, name, known);
}

/** An option that another kind of task has would be read by nobody. */
function checkKindOptions(task: Task, options: EvaluateOptions): void {
  const own = TASK_KINDS[task.kind].options;
  const others = Object.values(TASK_KINDS).flatMap((kind) => kind.options.filter((option) => !own.includes(option)));
  const given = others.find((option) => options[option] !== undefined);
  if (given === undefined) return;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `${given} does not belong to task ${task.name}, whose own options are ${own.join(', ')}; leave it out`,
  );
}

function checkCount(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new OctavoError('INVALID_ARGUMENT', `${name}: expected a positive integer, got ${value}`);
}
