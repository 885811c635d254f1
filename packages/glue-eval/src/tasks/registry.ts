import { unknownName } from '../unknown-name.js';
import { imagenet } from './imagenet.js';
import { mrpc } from './mrpc.js';
import type { Task } from './task.js';

/** All tasks. To add one: a file beside this one with its row, and its name here. */
export const TASKS: readonly Task[] = [mrpc, imagenet];

/** The task of that name, or an error with the nearest name. */
export function taskByName(name: string): Task {
  const task = TASKS.find((candidate) => candidate.name === name);
  if (task !== undefined) return task;
  throw unknownName(
    'task',
    name,
    TASKS.map((candidate) => candidate.name),
  );
}
