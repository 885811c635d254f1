import { median } from '@octavo/glue-eval';

/** One piece of work to time. Only what has to be is a promise: waiting for one costs a turn of the event loop. */
export type Work = () => unknown;

/** A turn lasts at least this long, so that the clock and the loop around the work do not count. */
const TURN_MS = 20;
/** All turns of a contest together, unless that is fewer rounds than the least. */
const CONTEST_MS = 2000;
const MOST_ROUNDS = 25;
const LEAST_ROUNDS = 5;
/** Rounds that take longer are fewer: what runs for seconds varies less. */
const LONG_ROUND_MS = 4000;
const LEAST_LONG_ROUNDS = 3;
/** ONNX Runtime's threads spin for a while after a run, in the hope of another. */
const PAUSE_MS = 30;

export interface ContestOptions {
  /** Waits between turns until the threads of the last one sleep; for contenders of several threads. */
  readonly pause?: boolean;
}

/**
 * Times contenders in turn, round by round (a b c, a b c, ...), so that whatever slows the machine slows all of them.
 * Returns the median of each in milliseconds a run; a contender that is null has none.
 */
export async function contest<N extends string>(
  contenders: Readonly<Record<N, Work | null>>,
  { pause = false }: ContestOptions = {},
): Promise<Record<N, number | null>> {
  const entries = Object.entries(contenders).filter(([, work]) => work !== null) as [N, Work][];
  const runs = new Map<N, number>();
  let roundMs = 0;
  for (const [name, work] of entries) {
    let ms = await turn(work, 1);
    // The first run of short work is mostly its warm-up.
    for (let probe = 1; ms * probe < TURN_MS; probe *= 4) ms = await turn(work, probe);
    const count = Math.ceil(TURN_MS / ms);
    runs.set(name, count);
    roundMs += ms * count;
  }
  const least = roundMs > LONG_ROUND_MS ? LEAST_LONG_ROUNDS : LEAST_ROUNDS;
  const rounds = Math.min(MOST_ROUNDS, Math.max(least, Math.floor(CONTEST_MS / roundMs)));
  const times = new Map<N, number[]>(entries.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of entries) {
      if (pause) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      (times.get(name) as number[]).push(await turn(work, runs.get(name) as number));
    }
  }
  const medians = Object.keys(contenders).map((name) => {
    const measured = times.get(name as N);
    return [name, measured === undefined ? null : median(measured)];
  });
  return Object.fromEntries(medians) as Record<N, number | null>;
}

/** Milliseconds a run over `runs` runs. */
async function turn(work: Work, runs: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < runs; i++) {
    const result = work();
    if (result instanceof Promise) await result;
  }
  return (performance.now() - start) / runs;
}
