import { OctavoError } from '@octavo/core';
import { taskByName } from '../tasks/registry.js';
import type { Task } from '../tasks/task.js';
import { unknownName } from '../unknown-name.js';
import type { ModeName } from './evaluation.js';
import { MODES } from './modes.js';
import { dynamicPreset } from './qconfigs.js';

/** A pass over the data has got on. `done` 0 starts a pass, `done` = `total` ends it. */
export interface EvaluationProgress {
  /** `eager perRow`: the row that is being made. */
  readonly name: string;
  readonly done: number;
  readonly total: number;
}

export interface EvaluateOptions {
  /** A Hugging Face folder, or a file that `saveGraph` or `octavo quantize` wrote. */
  readonly model: string;
  readonly task: string;
  /** Folder with the task's data: `dev.tsv`, or Parquet files. */
  readonly data: string;
  /** Default: the task's. */
  readonly split?: string;
  /** Default: float, eager, graph. A saved file has one mode of its own. */
  readonly modes?: readonly string[];
  /** Default: the task's. */
  readonly scheme?: string;
  /** By name; each quantized mode gives one row for each. Default: the task's. */
  readonly qconfigs?: readonly string[];
  /** Takes the first so many examples. */
  readonly limit?: number;
  /** Examples in a batch, 8 by default. Batches are in file order, each padded to its longest. */
  readonly batch?: number;
  /** Tokens in a pair, special tokens included; longer pairs are truncated. 128 by default, or what the model takes. */
  readonly maxLength?: number;
  /** Folder with `tokenizer.json`. Default: the model's folder. */
  readonly tokenizer?: string;
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
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (event: EvaluationProgress) => void;
}

/** Checks everything that can be checked without reading a file. */
export function checkOptions(options: EvaluateOptions): CheckedOptions {
  const task = taskByName(options.task);
  const scheme = options.scheme ?? task.defaults.scheme;
  if (scheme !== 'dynamic') throw unknownName('scheme', scheme, ['dynamic']);
  return {
    model: options.model,
    task,
    data: options.data,
    split: options.split ?? task.defaults.split,
    modes: options.modes === undefined ? null : checkList('mode', options.modes, checkMode),
    qconfigs:
      options.qconfigs === undefined
        ? null
        : checkList('qconfig', options.qconfigs, (name) => dynamicPreset(name).name),
    limit: options.limit === undefined ? null : checkCount('limit', options.limit),
    batch: checkCount('batch', options.batch ?? 8),
    maxLength: options.maxLength === undefined ? null : checkCount('maxLength', options.maxLength),
    tokenizer: options.tokenizer ?? null,
    signal: options.signal,
    onProgress: options.onProgress ?? (() => {}),
  };
}

/** The names as they are called in the result, each once, in the order they were given. */
function checkList<N extends string>(what: string, names: readonly string[], check: (name: string) => N): N[] {
  if (names.length === 0) throw new OctavoError('INVALID_ARGUMENT', `expected at least one ${what}, got none`);
  return [...new Set(names.map(check))];
}

function checkMode(name: string): ModeName {
  if (Object.hasOwn(MODES, name)) return name as ModeName;
  throw unknownName('mode', name, Object.keys(MODES));
}

function checkCount(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new OctavoError('INVALID_ARGUMENT', `${name}: expected a positive integer, got ${value}`);
}
