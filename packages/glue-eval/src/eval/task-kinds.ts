import type { Task } from '../tasks/task.js';
import { openImages } from './images.js';
import type { CheckedOptions, EvaluateOptions } from './options.js';
import { openPairs } from './sentence-pairs.js';
import type { Workload } from './workload.js';

/** What the tasks of one kind have in common: how model and examples are opened. */
interface TaskKind {
  /** The options that only tasks of this kind have. */
  readonly options: readonly (keyof EvaluateOptions)[];
  open(options: CheckedOptions, slow: boolean): Promise<Workload>;
}

/** All kinds. To add one: a file beside this one that opens its models and examples, and a row here. */
export const TASK_KINDS: Readonly<Record<Task['kind'], TaskKind>> = {
  'sentence-pair': { options: ['maxLength', 'tokenizer'], open: openPairs },
  image: { options: ['weights', 'calibrate', 'preprocess'], open: openImages },
};
