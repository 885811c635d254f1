import { OctavoError, type Tensor } from '@octavo/core';
import {
  type AccuracyControlled,
  type AccuracyTrial,
  type Feeds,
  type Graph,
  quantizeWithAccuracyControl,
} from '@octavo/graph';
import type { QConfigDict } from '@octavo/observers';
import type { ImageExample } from '../data/images.js';
import type { PairExample } from '../data/pair-example.js';
import type { CalibrationSource } from '../eval/calibration.js';
import { argmaxRows } from '../eval/measure.js';
import { taskByName } from '../tasks/registry.js';
import type { FloatModel } from './float-model.js';

export interface AccuracyGoal {
  /** Points (hundredths) of the task's first metric that may be lost. */
  readonly maxDrop: number;
  readonly task: string;
  readonly data: string;
  /** Takes the first so many examples. */
  readonly limit: number | null;
  readonly calibrate: CalibrationSource;
  readonly batch: number;
  readonly qconfigDict: QConfigDict;
  /** A step between calibration and the search. */
  readonly improve?: (prepared: Graph) => Promise<Graph>;
  readonly signal: AbortSignal;
  readonly onTrial: (trial: AccuracyTrial) => void;
}

/**
 * Static quantization that gives float back, group by group, until a task's first metric has lost no more than
 * `maxDrop` points. Groups are ranked on the calibration's examples, one by one.
 */
export async function quantizeForTask(model: FloatModel, goal: AccuracyGoal): Promise<AccuracyControlled> {
  const task = taskByName(goal.task);
  if (task.kind !== model.kind) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `task ${task.name} is none for this model; take one of kind ${model.kind}`,
    );
  }
  const loaded = await task.load(goal.data, task.defaults.split);
  const all: readonly (PairExample | ImageExample)[] = 'examples' in loaded ? loaded.examples : loaded;
  const examples = all.slice(0, goal.limit ?? all.length);
  const labels = examples.map(({ label }) => label);
  const batches = await model.examples(examples, goal.batch);
  const [metric] = task.metrics;
  // Padding must count in no range, so that sentences come one by one; so do all examples where groups are ranked.
  const singles = await collected(await model.calibration(goal.calibrate, 1));
  const calibration =
    model.kind === 'image' ? await collected(await model.calibration(goal.calibrate, goal.batch)) : singles;
  return quantizeWithAccuracyControl(model.graph, {
    evaluate: async (graph) => {
      const logits = await logitsOf(graph, model.output, batches, goal.signal);
      const classes = logits.length / labels.length;
      const score = task.score({ logits, predictions: argmaxRows(logits, classes) }, labels);
      return 100 * (score[metric?.key as string] as number);
    },
    maxDrop: goal.maxDrop,
    qconfigDict: goal.qconfigDict,
    calibration,
    ranking: singles,
    ...(goal.improve !== undefined && { improve: goal.improve }),
    signal: goal.signal,
    onTrial: goal.onTrial,
  });
}

async function logitsOf(
  graph: Graph,
  output: string,
  batches: AsyncIterable<Feeds>,
  signal: AbortSignal,
): Promise<Float32Array> {
  const parts: number[] = [];
  for await (const feeds of batches) {
    const logits = (await graph.runAsync(feeds, { signal }))[output] as Tensor<'float32'>;
    parts.push(...logits.data);
  }
  return Float32Array.from(parts);
}

async function collected(batches: AsyncIterable<Feeds>): Promise<Feeds[]> {
  const all: Feeds[] = [];
  for await (const feeds of batches) all.push(feeds);
  return all;
}
