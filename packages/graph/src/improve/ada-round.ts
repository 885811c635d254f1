import { dequantize, Generator, OctavoError, QuantizedTensor, Tensor } from '@octavo/core';
import { isTableQConfig, isWeightOnlyQConfig, type QConfig, quantizeWeight } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { fakeQuantizeOf, OBSERVE, type ObserverSpec, observerName } from '../ir/observer-spec.js';
import { checkStage } from '../quantize/stage.js';
import type { Feeds } from '../run/check-feeds.js';
import { type Batches, checkBatches, eachBatch } from '../run/each-batch.js';
import { type BatchWalk, FloatAndRounded } from './float-and-rounded.js';
import { patchesOf, shapeOfLayer } from './layer-patches.js';
import { descend, learnRounding, rowErrors, type UnroundedCodes } from './learn-rounding.js';
import { RoundingMoments } from './rounding-moments.js';

export interface AdaRoundOptions {
  /**
   * Examples to learn from, counted along the first axis of the first input; 64 by default. Further batches are not
   * read.
   */
  examples?: number;
  /** Outputs of each layer (pixels, tokens) that are looked at, over all examples; 4096 by default. */
  samples?: number;
  /** Steps of Adam for each layer; 100 by default. */
  iterations?: number;
  /** Of the choice of samples; 0 by default. The same seed gives the same codes. */
  seed?: number;
  /** Stops between two steps; the promise rejects with an ABORTED error. */
  signal?: AbortSignal;
  /** Called after each layer with the path of its module. */
  onProgress?: (layer: string, done: number, total: number) => void;
}

const LAYERS: ReadonlySet<string> = new Set(['aten::linear', 'aten::conv']);
/** Every so-manieth example is none to learn from, but one to choose by. */
const HELD_OUT = 4;
/** Rows of more weights keep their nearest codes: moments of the layer would take a gigabyte. */
const MAX_DEPTH = 8192;
/** Elements of patches in memory at once. */
const CHUNK = 2 ** 22;
/** Steps between two looks at the signal and the event loop. */
const STEPS_AT_ONCE = 10;

/**
 * AdaRound (Nagel et al. 2020, arXiv 2004.10568): instead of to the nearest code, each weight of a linear or
 * convolution is rounded up or down so that the layer's output comes close to the float one. Layer by layer in the
 * order of the graph: the target is the layer's float output on float inputs, reconstructed from inputs as the int8
 * graph has them, with the weights learned so far and rounded activations (the paper's asymmetric reconstruction), so
 * that a layer also makes up for errors before it. `learnRounding` learns, `descend` settles what is left. Of every
 * four examples one is held out; an output channel whose error is no lower there keeps its nearest codes. Activation
 * functions count as part of the next layer.
 *
 * Takes a prepared graph, calibrated where it is static, and gives another one with the same scales. `batches`: feeds
 * without padding. Linears and convolutions (grouped ones too, of 1 to 3 axes) with int8 weights that they alone read
 * are learned; weight-only linears, affine weights and graphs of `prepareQat` keep theirs. Memory holds what layers to
 * come read of all examples, float and rounded: ten megabytes for an image of 224 pixels.
 */
export async function adaRound(prepared: Graph, batches: Batches, options: AdaRoundOptions = {}): Promise<Graph> {
  checkStage('adaRound', prepared, 'prepared');
  const { examples = 64, samples = 4096, iterations = 100, seed = 0, signal, onProgress } = options;
  for (const [name, value] of Object.entries({ examples, samples, iterations })) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new OctavoError('INVALID_ARGUMENT', `[adaRound] ${name} must be a positive integer, got ${String(value)}`);
  }
  const rounded = prepared.clone();
  const layers = [...rounded.nodes()].filter(isRoundable);
  const forms = new FloatAndRounded(rounded, layers);
  const walks: BatchWalk[] = [];
  await eachBatch('adaRound', firstOf(checkBatches('adaRound', batches), examples), {}, async (feeds) => {
    walks.push(forms.begin(feeds));
  });
  const generator = new Generator(seed);
  for (const [index, layer] of layers.entries()) {
    const name = observerName(layer.input(1).node);
    const spec = rounded.observers.get(name) as ObserverSpec;
    const weight = weightOf(layer);
    const moments = await momentsOf(layer, index, walks, samples, generator, signal);
    const codes = await learned(weight, spec.qconfig, moments, iterations, signal);
    rounded.observers.set(name, { ...spec, codes });
    for (const walk of walks) walk.setWeight(index, dequantize(codes));
    onProgress?.(layer.scope, index + 1, layers.length);
  }
  return rounded;
}

/** A linear or convolution with an int8 weight that it alone reads. */
function isRoundable({ op, inputs: [, weight] }: Node): boolean {
  if (!LAYERS.has(op) || weight?.node.op !== OBSERVE) return false;
  const observe = weight.node;
  if (weight.onlyUser === undefined || fakeQuantizeOf(observe) !== undefined) return false;
  const { qconfig } = observe.graph.observers.get(observerName(observe)) as ObserverSpec;
  if (isTableQConfig(qconfig) || isWeightOnlyQConfig(qconfig)) return false;
  const { dims, data } = (leafTensor(observe.input(0)) as Tensor).raw;
  return data.length / (dims[0] as number) <= MAX_DEPTH;
}

function weightOf(layer: Node): Tensor<'float32'> {
  return leafTensor(layer.input(1).node.input(0)) as Tensor<'float32'>;
}

/** Batches until there are as many examples. */
async function* firstOf(batches: Batches, examples: number): AsyncGenerator<Feeds> {
  let seen = 0;
  for await (const feeds of batches) {
    yield feeds;
    seen += Object.values(feeds)[0]?.dims[0] ?? 1;
    if (seen >= examples) return;
  }
}

interface Moments {
  readonly learning: RoundingMoments;
  readonly heldOut: RoundingMoments;
}

/** Goes on to a layer in all batches and looks at `samples` of its patches. */
async function momentsOf(
  layer: Node,
  index: number,
  walks: readonly BatchWalk[],
  samples: number,
  generator: Generator,
  signal: AbortSignal | undefined,
): Promise<Moments> {
  const weight = weightOf(layer);
  const shape = shapeOfLayer(layer, weight);
  const moments = { learning: new RoundingMoments(shape), heldOut: new RoundingMoments(shape) };
  const chunk = Math.max(1, Math.floor(CHUNK / (shape.groups * shape.depth)));
  let example = 0;
  for (const walk of walks) {
    await pause(signal);
    const { float, rounded } = walk.inputsOf(index);
    const { dims } = rounded.raw;
    const patches = patchesOf(layer, weight, dims);
    const count = Math.min(patches.count, Math.ceil(samples / walks.length));
    // One at random of each of `count` equal parts: all over the examples, and in order.
    const positions = Int32Array.from({ length: count }, (_, i) =>
      Math.floor(((i + generator.uniform()) * patches.count) / count),
    );
    const [batch, first] = [dims[0] as number, example];
    const exampleOf = (position: number) => first + Math.floor((position * batch) / patches.count);
    const isHeldOut = (position: number) => exampleOf(position) % HELD_OUT === HELD_OUT - 1;
    for (const [into, some] of [
      [moments.learning, positions.filter((position) => !isHeldOut(position))],
      [moments.heldOut, positions.filter(isHeldOut)],
    ] as const) {
      for (let start = 0; start < some.length; start += chunk) {
        const part = some.subarray(start, start + chunk);
        into.add(patches.read(rounded.raw.data, part), patches.read(float.raw.data, part));
      }
    }
    example += batch;
  }
  return moments;
}

async function learned(
  weight: Tensor<'float32'>,
  qconfig: QConfig,
  { learning, heldOut }: Moments,
  iterations: number,
  signal: AbortSignal | undefined,
): Promise<QuantizedTensor> {
  const nearest = quantizeWeight(weight, qconfig);
  const { scales, zeroPoints, axis } = nearest;
  if (zeroPoints.some((zeroPoint) => zeroPoint !== 0)) return nearest;
  const { data, dims } = weight.raw;
  const depth = data.length / (dims[0] as number);
  const { quantMin, quantMax } = limitsOf(weight, qconfig);
  const unrounded: UnroundedCodes = {
    values: Float64Array.from(data, (w, i) => w / (scales[axis === null ? 0 : Math.floor(i / depth)] as number)),
    quantMin,
    quantMax,
  };
  const steps = learnRounding(unrounded, learning, iterations);
  let step = steps.next();
  for (let done = 1; !step.done; done++) {
    if (done % STEPS_AT_ONCE === 0) await pause(signal);
    step = steps.next();
  }
  const codes = step.value;
  descend(unrounded, codes, learning);
  const stored = nearest.values.raw.data as Int8Array;
  const judge = heldOut.count > 0 ? heldOut : learning;
  const [before, after] = [stored, codes].map((each) => rowErrors(unrounded.values, each, judge)) as [
    Float64Array,
    Float64Array,
  ];
  const kept = codes.map((code, i) => {
    const row = Math.floor(i / depth);
    return (after[row] as number) < (before[row] as number) ? code : (stored[i] as number);
  });
  return new QuantizedTensor('qint8', new Tensor('int8', kept, dims), { scales, zeroPoints, axis });
}

function limitsOf(weight: Tensor, qconfig: QConfig): { quantMin: number; quantMax: number } {
  const observer = qconfig.weight();
  observer.observe(weight);
  return observer.calculateQParams();
}

/** Lets other work of the process run, and stops where the signal says so. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  if (signal?.aborted) throw new OctavoError('ABORTED', '[adaRound] aborted by its signal', { cause: signal.reason });
}
