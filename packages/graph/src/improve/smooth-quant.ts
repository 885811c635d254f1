import { OctavoError, Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { constantSpec, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { checkStage } from '../quantize/stage.js';
import type { Batches } from '../run/each-batch.js';
import { probe } from './probe.js';
import { replaceParameter } from './replace-parameter.js';
import { linearError, type Ranges } from './simulate-linear.js';

export interface SmoothQuantOptions {
  /**
   * How much of the difficulty moves from activations to weights, 0 to 1; 'search' (the default) takes for each input
   * the one of 0, 0.1, ... 1, or none, that gives the least squared error of the int8 linears that read it.
   */
  alpha?: number | 'search';
  /**
   * What the int8 linears have one range for, so that the search weighs the error that they will have: the whole
   * 'tensor' (static, the default), or each 'row' (`perRowDynamicQConfig`), where outliers cost less and moving them
   * seldom pays.
   */
  ranges?: Ranges;
}

/** Rows of each input that the search looks at. */
const SAMPLED_ROWS = 256;
const ALPHAS = Array.from({ length: 11 }, (_, i) => i / 10);

/**
 * SmoothQuant (Xiao et al. 2022, arXiv 2211.10438): each channel c of what linears read is divided by
 * s_c = max|x_c|^alpha / max|w_c|^(1 - alpha), and their weights multiplied by it, so that outliers of a few channels
 * no longer set the range of all. The division goes into the layer norm, linear or attention before where nothing else
 * reads its result, else a multiplication stands in front of the linears. The float function stays, to rounding.
 *
 * `batches`: feeds for calibration, without padding. Takes a float graph, gives another; before `prepare`.
 */
export async function smoothQuant(
  graph: Graph,
  batches: Batches,
  { alpha = 'search', ranges = 'tensor' }: SmoothQuantOptions = {},
): Promise<Graph> {
  checkStage('smoothQuant', graph, 'float');
  if (ranges !== 'tensor' && ranges !== 'row') {
    throw new OctavoError('INVALID_ARGUMENT', `[smoothQuant] ranges must be 'tensor' or 'row', got '${ranges}'`);
  }
  const smoothed = graph.clone();
  const groups = linearsByInput(smoothed);
  const stats = await inputStatistics(smoothed, [...groups.keys()], batches);
  for (const [x, linears] of groups) {
    const { largest, rows } = stats.get(x) as InputStatistics;
    const weights = linears.map((linear) => leafTensor(linear.input(1)) as Tensor<'float32'>);
    const scales = chooseScales(largest, weights, rows, alpha, ranges);
    if (scales === null) continue;
    linears.forEach((linear, i) => {
      replaceParameter(linear, 1, scaledColumns(weights[i] as Tensor<'float32'>, scales));
    });
    const inverse = scales.map((s) => Math.fround(1 / s));
    if (!foldInto(x, linears, inverse)) multiplyBefore(x, linears, inverse);
  }
  return smoothed;
}

/** Linears of constant weights by what they read. */
function linearsByInput(graph: Graph): Map<Value, Node[]> {
  const groups = new Map<Value, Node[]>();
  for (const node of graph.nodes()) {
    if (node.op !== 'aten::linear' || leafTensor(node.input(1)) === undefined) continue;
    const x = node.input(0);
    groups.set(x, [...(groups.get(x) ?? []), node]);
  }
  return groups;
}

interface InputStatistics {
  /** Of each channel. */
  readonly largest: Float32Array;
  /** A sample, [rows, channels]. */
  readonly rows: Tensor<'float32'>;
}

async function inputStatistics(graph: Graph, inputs: readonly Value[], batches: Batches) {
  const values = new Map(inputs.map((value, i) => [String(i), value]));
  const largest: Float32Array[] = [];
  const samples: number[][] = inputs.map(() => []);
  const widths: number[] = [];
  await probe('smoothQuant', graph, values, batches, (seen) => {
    inputs.forEach((_, i) => {
      const { data, dims } = (seen[i] as Tensor<'float32'>).raw;
      const width = dims.at(-1) as number;
      widths[i] = width;
      largest[i] ??= new Float32Array(width);
      const most = largest[i] as Float32Array;
      for (let at = 0; at < data.length; at++) {
        const x = Math.abs(data[at] as number);
        if (x > (most[at % width] as number)) most[at % width] = x;
      }
      const sample = samples[i] as number[];
      // Some rows of every batch: the first ones would all be of the first sentences.
      const rows = data.length / width;
      for (let row = 0; row < rows && sample.length < SAMPLED_ROWS * width; row += Math.max(1, Math.floor(rows / 8))) {
        for (let c = 0; c < width; c++) sample.push(data[row * width + c] as number);
      }
    });
  });
  return new Map<Value, InputStatistics>(
    inputs.map((value, i) => {
      const width = widths[i] as number;
      const sample = Float32Array.from(samples[i] as number[]);
      return [
        value,
        { largest: largest[i] as Float32Array, rows: new Tensor('float32', sample, [sample.length / width, width]) },
      ];
    }),
  );
}

/** The scales of least error, or null where none are better than leaving things as they are. */
function chooseScales(
  largest: Float32Array,
  weights: readonly Tensor<'float32'>[],
  rows: Tensor<'float32'>,
  alpha: number | 'search',
  ranges: Ranges,
): Float32Array | null {
  const columns = largestOfColumns(weights);
  if (alpha !== 'search') return scalesOf(largest, columns, alpha);
  const plain = weights.reduce((sum, weight) => sum + linearError(rows, weight, ranges), 0);
  let best: { error: number; scales: Float32Array | null } = { error: plain, scales: null };
  for (const candidate of ALPHAS) {
    const scales = scalesOf(largest, columns, candidate);
    const x = scaledColumns(
      rows,
      scales.map((s) => 1 / s),
    );
    const error = weights.reduce((sum, weight) => sum + linearError(x, scaledColumns(weight, scales), ranges), 0);
    if (error < best.error) best = { error, scales };
  }
  return best.scales;
}

function scalesOf(largest: Float32Array, columns: Float32Array, alpha: number): Float32Array {
  return largest.map((x, c) => {
    const w = columns[c] as number;
    const s = x ** alpha / w ** (1 - alpha);
    return x > 0 && w > 0 && Number.isFinite(s) ? Math.min(Math.max(s, 2 ** -16), 2 ** 16) : 1;
  });
}

function largestOfColumns(weights: readonly Tensor<'float32'>[]): Float32Array {
  const width = (weights[0] as Tensor).raw.dims[1] as number;
  const largest = new Float32Array(width);
  for (const { raw } of weights) {
    raw.data.forEach((w, i) => {
      if (Math.abs(w) > (largest[i % width] as number)) largest[i % width] = Math.abs(w);
    });
  }
  return largest;
}

function scaledColumns({ raw: { data, dims } }: Tensor<'float32'>, scales: Float32Array): Tensor<'float32'> {
  const width = scales.length;
  return new Tensor(
    'float32',
    data.map((x, i) => x * (scales[i % width] as number)),
    dims,
  );
}

/** Multiplies the channels that the producer of `x` makes, where only `linears` read them. */
function foldInto(x: Value, linears: readonly Node[], factors: Float32Array): boolean {
  if (x.uses.some(({ node }) => !linears.includes(node))) return false;
  const { node } = x;
  if (node.op === 'aten::layer_norm') {
    const axes = node.attrs.axes ?? 1;
    return axes === 1 && scaleOperands(node, [1, 2], factors);
  }
  if (node.op === 'aten::rms_norm') return (node.attrs.axes ?? 1) === 1 && scaleOperands(node, [1], factors);
  if (node.op === 'octavo::multi_head_attention') {
    // y = sum of p * v: a channel of v is a channel of y.
    const v = node.input(2);
    return v.onlyUser === node && scaleLinear(v.node, factors);
  }
  return scaleLinear(node, factors);
}

function scaleLinear(node: Node, factors: Float32Array): boolean {
  return node.op === 'aten::linear' && (node.attrs.activation ?? 0) === 0 && scaleOperands(node, [1, 2], factors);
}

/** Multiplies constants of a node along their first axis; false, and nothing done, where one is no constant. */
function scaleOperands(node: Node, indices: readonly number[], factors: Float32Array): boolean {
  if (!node.inputs[indices[0] as number]) return false;
  const given = indices.filter((i) => node.inputs[i]);
  const tensors = given.map((i) => leafTensor(node.input(i)));
  if (tensors.includes(undefined)) return false;
  given.forEach((i, at) => {
    const { data, dims } = (tensors[at] as Tensor<'float32'>).raw;
    const run = data.length / factors.length;
    const scaled = data.map((w, j) => w * (factors[Math.floor(j / run)] as number));
    replaceParameter(node, i, new Tensor('float32', scaled, dims));
  });
  return true;
}

function multiplyBefore(x: Value, linears: readonly Node[], factors: Float32Array): void {
  const [first] = linears as [Node, ...Node[]];
  const { graph, scope } = first;
  const factor = graph.insert(constantSpec(new Tensor('float32', factors, [factors.length])), first).output;
  const outputs = [{ type: x.type, hint: 'smoothed' }];
  const smoothed = graph.insert({ op: 'aten::mul', inputs: [x, factor], outputs, scope }, first).output;
  for (const linear of linears) linear.setInput(0, smoothed);
}
