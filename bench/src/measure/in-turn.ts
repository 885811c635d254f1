import type { Work } from './contest.js';

/** Runs one model after the other, one each time it is called. */
export function inTurn<M>(models: readonly M[], run: (model: M) => unknown): Work {
  let next = 0;
  return () => {
    const model = models[next] as M;
    next = (next + 1) % models.length;
    return run(model);
  };
}
