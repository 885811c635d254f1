import { setTimeout } from 'node:timers/promises';
import { median } from '@octavo/glue-eval';
import { quantizeDynamic } from '@octavo/graph';
import { perRowDynamicQConfig } from '@octavo/observers';
import { bertBase, bertInputs, traceBert } from '../models/bert.js';
import { compileGraph } from '../models/our-model.js';
import { writeBert } from '../onnx/bert.js';
import { feeds, openModel } from '../ort/session.js';
import type { RowGroup } from '../row.js';

// How long the event loop waits at most while a model runs in the background: the longest time between two of its turns,
// the call that starts the run included, and the one that gives its result. Of several runs the best, because whatever else
// the machine does adds to it; an idle loop, watched as long beside it, says how much.

const NAME = 'BERT-base 1x128, longest block of the event loop by runAsync';
const RUNS = 15;
/** About a run's time. */
const IDLE_MS = 250;

/** The longest time between two turns of the event loop, in ms, from now until `work` is done. */
async function longestBlock(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let running = true;
  let last = performance.now();
  const turn = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  turn();
  running = false;
  return longest;
}

async function leastBlock(work: () => Promise<unknown>): Promise<number> {
  await work();
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < RUNS; i++) least = Math.min(least, await longestBlock(work));
  return least;
}

export const EVENT_LOOP: RowGroup = {
  names: [NAME],
  async *run(bench) {
    const bert = await bertBase();
    const inputs = bertInputs(bert.config, [1, 128]);
    const state = bert.model.stateDict();
    const ours = async (int8: boolean): Promise<number> => {
      const float = traceBert(bert);
      const graph = int8 ? quantizeDynamic(float, { '': perRowDynamicQConfig }) : float;
      const model = compileGraph(graph, bench.backend(1));
      const calls: number[] = [];
      const block = await leastBlock(() => {
        const begin = performance.now();
        const result = model.runAsync(Object.values(inputs));
        calls.push(performance.now() - begin);
        return result;
      });
      model.close();
      const idle = await leastBlock(() => setTimeout(IDLE_MS));
      const [call, wait] = [median(calls), idle].map((ms) => ms.toFixed(2));
      console.log(`runAsync of ${int8 ? 'int8' : 'float'} returns after ${call} ms; an idle loop waits ${wait} ms`);
      return block;
    };
    const theirs = async (form: 'int8' | 'float'): Promise<number> => {
      const model = await openModel(writeBert(form, state, bert.config));
      const block = await leastBlock(() => model.run(feeds(inputs)));
      await model.close();
      return block;
    };
    yield {
      name: NAME,
      isa: bench.isa,
      threads: 1,
      oursMs: await ours(true),
      oursFloatMs: await ours(false),
      ortInt8Ms: await theirs('int8'),
      ortFloatMs: await theirs('float'),
      peakShare: null,
    };
  },
};
