import { dispatch, inverseScale, OctavoError, opByName, QuantizedTensor, sizeOf, Tensor } from '@octavo/core';
import { quantizeWeight } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { OBSERVE, type ObserverSpec, observerName } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';
import { checkStage } from '../quantize/stage.js';
import type { Batches } from '../run/each-batch.js';
import { probe } from './probe.js';
import { product } from './simulate-linear.js';

export interface AdaRoundOptions {
  /** Steps of Adam for each layer; 200 by default. */
  iterations?: number;
  /** Rows of calibration data (tokens) that each layer learns from; 256 by default. */
  rows?: number;
  /** Rows of one step; 64 by default. */
  batchRows?: number;
  /** Called after each layer. */
  onProgress?: (layer: string, done: number, total: number) => void;
}

/** Of the rectified sigmoid: h = clip(1.2 sigmoid(v) - 0.1, 0, 1). */
const [ZETA, GAMMA] = [1.1, -0.1];
const LEARNING_RATE = 2e-2;
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];
/** Weight of the term that drives h to 0 or 1, and its exponent from the first step that has it to the last. */
const LAMBDA = 0.05;
const [EXPONENT_FIRST, EXPONENT_LAST] = [20, 2];
/** Share of the steps that only fit. */
const WARM_UP = 0.2;

/**
 * AdaRound (Nagel et al. 2020, arXiv 2004.10568): instead of to the nearest code, each weight of a linear is rounded up
 * or down so that the layer's output on calibration data keeps least squared error. Layer by layer, on float inputs: a
 * rectified sigmoid for each weight, learned by Adam, ends at 0 or 1. Where rounding to nearest is no worse on those
 * rows, it stays.
 *
 * Takes a prepared graph, whose weight scales it keeps, gives another one; before `convert`. `batches`: feeds without
 * padding.
 */
export async function adaRound(prepared: Graph, batches: Batches, options: AdaRoundOptions = {}): Promise<Graph> {
  checkStage('adaRound', prepared, 'prepared');
  const { iterations = 200, rows = 256, batchRows = 64, onProgress } = options;
  for (const [name, value] of Object.entries({ iterations, rows, batchRows })) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new OctavoError('INVALID_ARGUMENT', `[adaRound] ${name} must be a positive integer, got ${String(value)}`);
  }
  const rounded = prepared.clone();
  const layers = [...rounded.nodes()].filter(isRoundable);
  const inputs = await sampledInputs(rounded, layers, batches, rows);
  layers.forEach((layer, i) => {
    const observe = layer.input(1).node;
    const name = observerName(observe);
    const spec = rounded.observers.get(name) as ObserverSpec;
    const weight = leafTensor(observe.input(0)) as Tensor<'float32'>;
    const nearest = quantizeWeight(weight, spec.qconfig);
    const x = inputs.get(layer.input(0)) as Tensor<'float32'>;
    const codes = learnRounding(weight, nearest, x, { iterations, batchRows });
    rounded.observers.set(name, { ...spec, codes });
    onProgress?.(layer.scope, i + 1, layers.length);
  });
  return rounded;
}

/** A linear with an observed weight that it alone reads. */
function isRoundable({ op, inputs: [, weight] }: Node): boolean {
  return op === 'aten::linear' && weight?.node.op === OBSERVE && weight.onlyUser !== undefined;
}

async function sampledInputs(
  graph: Graph,
  layers: readonly Node[],
  batches: Batches,
  rows: number,
): Promise<Map<Value, Tensor<'float32'>>> {
  const values = [...new Set(layers.map((layer) => layer.input(0)))];
  const samples = values.map((): number[] => []);
  const widths: number[] = [];
  await probe('adaRound', graph, new Map(values.map((value, i) => [String(i), value])), batches, (seen) => {
    samples.forEach((sample, i) => {
      const { data, dims } = (seen[i] as Tensor<'float32'>).raw;
      const width = dims.at(-1) as number;
      widths[i] = width;
      const count = data.length / width;
      for (let row = 0; row < count && sample.length < rows * width; row += Math.max(1, Math.floor(count / 8))) {
        for (let c = 0; c < width; c++) sample.push(data[row * width + c] as number);
      }
    });
  });
  return new Map(
    values.map((value, i) => {
      const width = widths[i] as number;
      const data = Float32Array.from(samples[i] as number[]);
      return [value, new Tensor('float32', data, [data.length / width, width])];
    }),
  );
}

/** Codes of least output error on `x` [rows, in], each the one below or above its weight. */
function learnRounding(
  weight: Tensor<'float32'>,
  nearest: QuantizedTensor,
  x: Tensor<'float32'>,
  { iterations, batchRows }: { iterations: number; batchRows: number },
): QuantizedTensor {
  const { data, dims } = weight.raw;
  const [out, width] = dims as [number, number];
  const scaleOf = (i: number): number => nearest.scales[nearest.axis === null ? 0 : Math.floor(i / width)] as number;
  const size = sizeOf(dims);
  const floors = new Float32Array(size);
  const v = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const w = (data[i] as number) * inverseScale(scaleOf(i));
    floors[i] = Math.floor(w);
    const h = Math.min(Math.max(w - (floors[i] as number), 1e-3), 1 - 1e-3);
    v[i] = -Math.log((ZETA - GAMMA) / (h - GAMMA) - 1);
  }
  const [first, second] = [new Float32Array(size), new Float32Array(size)];
  const soft = new Float32Array(size);
  const slope = new Float32Array(size);
  const [total] = x.raw.dims as [number, number];
  const step = Math.min(batchRows, total);
  // Errors relative to that of rounding to the nearest, a unit for each weight: one lambda then serves any layer.
  const unit = outputError(x, weight, nearest) / width;
  if (unit === 0 || nearest.zeroPoints.some((zeroPoint) => zeroPoint !== 0)) return nearest;
  for (let t = 1; t <= iterations; t++) {
    for (let i = 0; i < size; i++) {
      const sigmoid = 1 / (1 + Math.exp(-(v[i] as number)));
      const h = (ZETA - GAMMA) * sigmoid + GAMMA;
      const inside = h > 0 && h < 1;
      slope[i] = inside ? (ZETA - GAMMA) * sigmoid * (1 - sigmoid) : 0;
      // The change of the weight, in float.
      const clipped = h < 0 ? 0 : h > 1 ? 1 : h;
      soft[i] = ((floors[i] as number) + clipped) * scaleOf(i) - (data[i] as number);
    }
    const start = total <= step ? 0 : ((t - 1) * step) % (total - step + 1);
    const rows = x.raw.data.subarray(start * width, (start + step) * width);
    const some = new Tensor('float32', rows, [step, width]);
    const errors = product(some, new Tensor('float32', soft, dims));
    // d/dW of sum(errors^2) / rows: 2 / rows errors^T x, [out, in].
    const gradient = product(transposed(errors), transposed(some)).raw.data;
    const factor = 2 / (step * unit);
    const progress = (t / iterations - WARM_UP) / (1 - WARM_UP);
    const exponent = EXPONENT_LAST + (EXPONENT_FIRST - EXPONENT_LAST) * (1 - progress);
    const [bias1, bias2] = [1 - BETA1 ** t, 1 - BETA2 ** t];
    for (let i = 0; i < size; i++) {
      let g = factor * (gradient[i] as number) * scaleOf(i);
      if (progress > 0) {
        const h = ((soft[i] as number) + (data[i] as number)) / scaleOf(i) - (floors[i] as number);
        const d = 2 * h - 1;
        g -= LAMBDA * 2 * exponent * Math.abs(d) ** (exponent - 1) * Math.sign(d);
      }
      g *= slope[i] as number;
      const m = BETA1 * (first[i] as number) + (1 - BETA1) * g;
      const u = BETA2 * (second[i] as number) + (1 - BETA2) * g * g;
      first[i] = m;
      second[i] = u;
      v[i] = (v[i] as number) - (LEARNING_RATE * (m / bias1)) / (Math.sqrt(u / bias2) + EPSILON);
    }
  }
  const codes = new Int8Array(size);
  for (let i = 0; i < size; i++) {
    const up = (v[i] as number) >= 0 ? 1 : 0;
    codes[i] = Math.min(127, Math.max(-128, (floors[i] as number) + up));
  }
  const learned = new QuantizedTensor('qint8', new Tensor('int8', codes, [out, width]), {
    scales: nearest.scales,
    zeroPoints: nearest.zeroPoints,
    axis: nearest.axis,
  });
  return outputError(x, weight, learned) < outputError(x, weight, nearest) ? learned : nearest;
}

/** The mean squared error of x (weight - codes)^T. */
export function outputError(x: Tensor<'float32'>, weight: Tensor<'float32'>, codes: QuantizedTensor): number {
  const { data, dims } = weight.raw;
  const width = dims[1] as number;
  const stored = codes.values.raw.data as Int8Array;
  const change = data.map((w, i) => {
    const channel = codes.axis === null ? 0 : Math.floor(i / width);
    return ((stored[i] as number) - (codes.zeroPoints[channel] as number)) * (codes.scales[channel] as number) - w;
  });
  return meanSquare(product(x, new Tensor('float32', change, dims)).raw.data);
}

function transposed(x: Tensor<'float32'>): Tensor<'float32'> {
  return dispatch(opByName('aten::permute'), [x], { dims: [1, 0] })[0] as Tensor<'float32'>;
}

function meanSquare(values: Float32Array): number {
  return values.reduce((sum, x) => sum + x * x, 0) / values.length;
}
