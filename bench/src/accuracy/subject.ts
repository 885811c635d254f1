import { basename } from 'node:path';
import type { Tensor } from '@octavo/core';
import { type FloatModel, openFloatModel, type Task, taskByName } from '@octavo/glue-eval';
import type { Feeds, Graph } from '@octavo/graph';

/** A float model with the data that it is measured on. */
export interface Subject {
  readonly name: string;
  readonly kind: Task['kind'];
  readonly float: Graph;
  /** Feeds for ranges and improvers. */
  readonly calibration: readonly Feeds[];
  readonly labels: readonly number[];
  /** Examples that calibration has seen too, by index; measured apart. */
  readonly seen: ReadonlySet<number>;
  /** Scores in 0..1 by the title of their column. */
  score(logits: Float32Array, labels: readonly number[]): Readonly<Record<string, number>>;
  /** One pass over the data, in batches of 8. */
  run(graph: Graph): Promise<{ logits: Float32Array; ms: readonly number[] }>;
}

const BATCH = 8;
/** Examples to calibrate with. */
const CALIBRATION = 64;
/** Where the data has no training split: each so-manieth of it. */
const STEP = 7;

const TASK = { 'sentence-pair': 'mrpc', image: 'imagenet' } as const;

/** Opens a model folder or file and the folder of its task's data; `limit` takes the first so many examples. */
export async function openSubject(model: string, data: string, limit: number): Promise<Subject> {
  const opened = await openFloatModel(model, { weights: null, tokenizer: null, preprocess: null });
  const task = taskByName(TASK[opened.kind]);
  const loaded = await task.load(data, task.defaults.split);
  const all = 'examples' in loaded ? loaded.examples : loaded;
  const examples = all.slice(0, limit);
  const labels = examples.map(({ label }) => label);
  const { feeds: calibration, seen } = await calibrationOf(opened, data, all);
  const batches = await opened.examples(examples, BATCH);
  return {
    name: basename(model),
    kind: opened.kind,
    float: opened.graph,
    calibration,
    labels,
    seen,
    score: (logits, of) => {
      const scores = task.score({ logits, predictions: argmaxRows(logits, logits.length / of.length) }, of);
      return Object.fromEntries(task.metrics.map(({ key, title }) => [title, scores[key] as number]));
    },
    run: async (graph) => {
      const logits: number[] = [];
      const ms: number[] = [];
      for await (const feeds of batches) {
        // At the first run a graph is compiled.
        if (ms.length === 0) await graph.runAsync(feeds);
        const start = performance.now();
        const { [opened.output]: output } = await graph.runAsync(feeds);
        ms.push(performance.now() - start);
        logits.push(...(output as Tensor<'float32'>).data);
      }
      return { logits: Float32Array.from(logits), ms };
    },
  };
}

/** Pairs of the training split, one a batch, so that no padding counts in a range; or some of the images themselves. */
async function calibrationOf(
  model: FloatModel,
  data: string,
  examples: Parameters<FloatModel['examples']>[0],
): Promise<{ feeds: Feeds[]; seen: Set<number> }> {
  if (model.kind === 'sentence-pair') {
    return { feeds: await collected(await model.calibration({ dir: data, count: CALIBRATION }, 1)), seen: new Set() };
  }
  const indices = examples.map((_, i) => i).filter((i) => i % STEP === 0);
  const chosen = indices.slice(0, CALIBRATION);
  const some = chosen.map((i) => examples[i] as (typeof examples)[number]);
  return { feeds: await collected(await model.examples(some, BATCH)), seen: new Set(chosen) };
}

async function collected(batches: AsyncIterable<Feeds>): Promise<Feeds[]> {
  const all: Feeds[] = [];
  for await (const feeds of batches) all.push(feeds);
  return all;
}

/** The class of the largest logit of each example. */
export function argmaxRows(logits: Float32Array, classes: number): number[] {
  return Array.from({ length: logits.length / classes }, (_, row) => {
    const scores = logits.subarray(row * classes, (row + 1) * classes);
    return scores.indexOf(Math.max(...scores));
  });
}
