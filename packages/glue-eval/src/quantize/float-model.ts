import { stat } from 'node:fs/promises';
import type { Tensor } from '@octavo/core';
import { OctavoError } from '@octavo/core';
import { type Feeds, type Graph, trace } from '@octavo/graph';
import type { ImageExample } from '../data/images.js';
import type { PairExample } from '../data/pair-example.js';
import { loadPairs } from '../data/pairs.js';
import { encodeBatches } from '../eval/batches.js';
import { type CalibrationSource, namedImages } from '../eval/calibration.js';
import { ImageBatches } from '../eval/image-batches.js';
import type { Batch } from '../eval/workload.js';
import type { Preprocess } from '../image/preprocess.js';
import { openPretrained } from '../models/huggingface.js';
import { isImageConfig } from '../models/image/architectures.js';
import { exampleImages, openImageModel } from '../models/image/open-image-model.js';
import { preprocessOf } from '../models/image/preprocess-of.js';
import { checkInputs, exampleInputs, INPUT_NAMES, logitsName, namedInputs } from '../models/inputs.js';
import { readModelConfig } from '../models/model-folder.js';
import { openGraph } from '../models/open-graph.js';
import type { Task } from '../tasks/task.js';
import { PairTokenizer } from '../text/tokenizer.js';

/** What `--model` and the options beside it name. */
export interface FloatModelOptions {
  readonly weights: string | null;
  readonly tokenizer: string | null;
  readonly preprocess: string | null;
}

/** A float model as a graph, and how it is shown examples. */
export interface FloatModel {
  readonly graph: Graph;
  readonly kind: Task['kind'];
  /** The output with the scores of the classes. */
  readonly output: string;
  readonly notes: readonly string[];
  /** What `--calibrate` names, as feeds of `batch` examples each. */
  calibration(source: CalibrationSource, batch: number): Promise<AsyncIterable<Feeds>>;
  /** Examples of a task of this kind, as feeds in their order. */
  examples(examples: readonly (PairExample | ImageExample)[], batch: number): Promise<AsyncIterable<Feeds>>;
}

/** Tokens in a pair of sentences, for the share of multiply-adds that attention has. */
const TYPICAL_LENGTH = 64;
/** Tokens a pair may have: GLUE's usual length. */
const MAX_LENGTH = 128;

/**
 * Opens a float model: a Hugging Face folder, a folder or a name of an image classifier, a saved float graph, or an
 * ONNX model; files are of text where they take `input_ids`.
 */
export async function openFloatModel(model: string, options: FloatModelOptions): Promise<FloatModel> {
  const found = await stat(model).catch(() => null);
  if (found?.isFile()) {
    const graph = await openGraph(model);
    return graph.inputNames.includes('input_ids') ? textFile(graph, model, options) : imageFile(graph, model, options);
  }
  if (found?.isDirectory() && !isImageConfig((await readModelConfig(model)).json)) return textFolder(model, options);
  refuse(model, options, ['tokenizer', 'preprocess']);
  const { build, preprocess, note } = await openImageModel(model, options.weights);
  const graph = trace(build(), exampleImages(preprocess.size));
  return ofImages(graph, preprocess, note);
}

async function textFolder(dir: string, options: FloatModelOptions): Promise<FloatModel> {
  refuse(dir, options, ['weights', 'preprocess']);
  const { build, config } = await openPretrained(dir);
  const graph = trace(build(), exampleInputs(Math.min(TYPICAL_LENGTH, config.maxPositions)));
  return ofText(graph, options.tokenizer ?? dir, Math.min(MAX_LENGTH, config.maxPositions));
}

function textFile(graph: Graph, file: string, options: FloatModelOptions): FloatModel {
  refuse(file, options, ['weights', 'preprocess']);
  checkInputs(graph, file);
  return ofText(graph, options.tokenizer, MAX_LENGTH, logitsName(graph, file));
}

async function imageFile(graph: Graph, file: string, options: FloatModelOptions): Promise<FloatModel> {
  refuse(file, options, ['weights', 'tokenizer']);
  const { preprocess, note } = await preprocessOf(file, options.preprocess);
  return ofImages(graph, preprocess, note);
}

/** An option that another kind of model has would be read by nobody. */
function refuse(model: string, options: FloatModelOptions, names: readonly (keyof FloatModelOptions)[]): void {
  const given = names.find((name) => options[name] !== null);
  if (given === undefined) return;
  throw new OctavoError('INVALID_ARGUMENT', `model ${model}: it takes no --${given}; leave it out`);
}

function ofText(
  graph: Graph,
  tokenizerDir: string | null,
  maxLength: number,
  output = graph.outputNames[0] as string,
): FloatModel {
  const examples = async (pairs: readonly PairExample[], batch: number): Promise<AsyncIterable<Feeds>> => {
    if (tokenizerDir === null) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        'a graph holds no tokenizer to read sentences with; give the Hugging Face folder that has it with --tokenizer',
      );
    }
    const tokenizer = await PairTokenizer.fromFolder(tokenizerDir);
    return feedsOf(graph, INPUT_NAMES, encodeBatches(tokenizer, pairs, batch, maxLength));
  };
  return {
    graph,
    kind: 'sentence-pair',
    output,
    notes: [],
    calibration: async ({ dir, count }, batch) => {
      const pairs = await trainingPairs(dir);
      if (count !== null && pairs.length < count) {
        throw new OctavoError(
          'INVALID_ARGUMENT',
          `calibration folder ${dir}: expected at least ${count} pairs, got ${pairs.length}`,
        );
      }
      return examples(pairs.slice(0, count ?? pairs.length), batch);
    },
    examples: (pairs, batch) => examples(pairs as readonly PairExample[], batch),
  };
}

/** The pairs that a model was trained with, where they are there: the others are for measuring it. */
async function trainingPairs(dir: string): Promise<PairExample[]> {
  try {
    return await loadPairs(dir, 'train');
  } catch (error) {
    if ((error as OctavoError).code !== 'FILE_NOT_FOUND') throw error;
    return loadPairs(dir, 'dev');
  }
}

function ofImages(graph: Graph, preprocess: Preprocess, note: string | undefined): FloatModel {
  const of = (files: readonly string[], batch: number): AsyncIterable<Feeds> =>
    feedsOf(graph, graph.inputNames, new ImageBatches(files, batch, preprocess));
  return {
    graph,
    kind: 'image',
    output: graph.outputNames[0] as string,
    notes: note === undefined ? [] : [note],
    calibration: async (source, batch) => of(await namedImages(source), batch),
    examples: async (images, batch) =>
      of(
        images.map((image) => (image as ImageExample).file),
        batch,
      ),
  };
}

/** Anew at each iteration. */
function feedsOf(
  { inputNames }: Graph,
  names: readonly string[],
  batches: Iterable<Batch> | AsyncIterable<Batch>,
): AsyncIterable<Record<string, Tensor>> {
  return {
    async *[Symbol.asyncIterator]() {
      for await (const { inputs } of batches) yield namedInputs(inputs, names, inputNames);
    },
  };
}
