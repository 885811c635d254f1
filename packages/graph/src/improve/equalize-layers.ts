import { Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { foldBatchNorm } from '../passes/fold-batch-norm.js';
import { removeDeadCode } from '../passes/remove-dead-code.js';
import { checkStage } from '../quantize/stage.js';
import { replaceParameter } from './replace-parameter.js';

export interface EqualizeOptions {
  /**
   * Turns a relu6 between two layers into a relu, so that they can be equalized (as DFQ does). Changes the float
   * function where activations pass 6; by default such pairs are left alone.
   */
  replaceRelu6?: boolean;
}

interface Pair {
  readonly first: Node;
  readonly relu6: Node | null;
  readonly second: Node;
}

/** Rounds over all pairs, and the change of the scales at which they end. */
const ROUNDS = 20;
const ENOUGH = 1e-4;

/**
 * Cross-layer equalization (Nagel et al. 2019, arXiv 1906.04721): where a convolution or linear is read by one other
 * alone, directly or through a relu, channel c of the first is divided by s_c = sqrt(range1_c / range2_c) and the
 * second's input channel multiplied by it, so that both have the same range there: per-tensor weights lose the most by
 * channels of unequal ranges. Depthwise and grouped convolutions count, chains are gone through until they settle.
 * Folds batch norms first. Needs no data; the float function stays, to rounding. Takes a float graph, gives another.
 */
export function equalizeLayers(graph: Graph, { replaceRelu6 = false }: EqualizeOptions = {}): Graph {
  checkStage('equalizeLayers', graph, 'float');
  const equalized = foldBatchNorm(graph.clone());
  const pairs = pairsOf(equalized, replaceRelu6);
  for (const { relu6 } of pairs) if (relu6 !== null) turnIntoRelu(relu6);
  for (let round = 0; round < ROUNDS; round++) {
    const changes = pairs.map(equalize);
    if (Math.max(0, ...changes) < ENOUGH) break;
  }
  return removeDeadCode(equalized);
}

function pairsOf(graph: Graph, replaceRelu6: boolean): Pair[] {
  const pairs: Pair[] = [];
  for (const second of graph.nodes()) {
    if (!isLayer(second)) continue;
    let { node } = second.input(0);
    let relu6: Node | null = null;
    if (isRelu6(node) && replaceRelu6) relu6 = node;
    const through = node.op === 'aten::relu' || node.op === 'aten::leaky_relu' || relu6 !== null;
    if (second.input(0).onlyUser !== second) continue;
    if (through) {
      const [before] = [node.input(0)];
      if (before.onlyUser !== node) continue;
      node = before.node;
    }
    if (isLayer(node) && commutes(node) && channelsOf(node) === inputChannels(second)) {
      pairs.push({ first: node, relu6, second });
    }
  }
  return pairs;
}

/** A convolution or linear with a constant weight and bias. */
function isLayer({ op, inputs: [, weight, bias] }: Node): boolean {
  if (op !== 'aten::conv' && op !== 'aten::linear') return false;
  return [weight, bias].every((operand) => !operand || leafTensor(operand) !== undefined) && Boolean(weight);
}

/** True where a positive factor passes an op's own activation: none, or relu. */
function commutes({ attrs }: Node): boolean {
  return (attrs.activation ?? 0) === 0 || attrs.activation === 1;
}

function isRelu6({ op, attrs }: Node): boolean {
  return op === 'aten::clamp' && attrs.min === 0 && attrs.max === 6;
}

function turnIntoRelu(relu6: Node): void {
  const { graph, scope, output } = relu6;
  const outputs = [{ type: output.type, hint: output.hint }];
  output.replaceUses(graph.insert({ op: 'aten::relu', inputs: [relu6.input(0)], outputs, scope }, relu6).output);
  relu6.remove();
}

function weightOf(node: Node): Tensor<'float32'> {
  return leafTensor(node.input(1)) as Tensor<'float32'>;
}

function channelsOf(node: Node): number {
  return weightOf(node).raw.dims[0] as number;
}

function groupsOf({ attrs }: Node): number {
  return (attrs.groups as number | undefined) ?? 1;
}

function inputChannels(node: Node): number {
  return (weightOf(node).raw.dims[1] as number) * groupsOf(node);
}

/** The input channel that each element of a layer's weight [out, in / groups, ...kernel] multiplies. */
function inputChannelOf(node: Node): (i: number) => number {
  const [out, width] = weightOf(node).raw.dims as [number, number];
  const kernel = weightOf(node).raw.data.length / (out * width);
  const perGroup = out / groupsOf(node);
  return (i) => Math.floor(Math.floor(i / (width * kernel)) / perGroup) * width + (Math.floor(i / kernel) % width);
}

/** Equalizes one pair; gives the largest |log2 s|. */
function equalize({ first, second }: Pair): number {
  const channels = channelsOf(first);
  const run = weightOf(first).raw.data.length / channels;
  const outputOf = (i: number): number => Math.floor(i / run);
  const inputOf = inputChannelOf(second);
  const [range1, range2] = [largest(first, channels, outputOf), largest(second, channels, inputOf)];
  const scales = range1.map((r1, c) => {
    const s = Math.sqrt(r1 / (range2[c] as number));
    return s > 0 && Number.isFinite(s) ? s : 1;
  });
  rescale(first, 1, (w, i) => w / (scales[outputOf(i)] as number));
  if (first.inputs[2]) rescale(first, 2, (b, c) => b / (scales[c] as number));
  rescale(second, 1, (w, i) => w * (scales[inputOf(i)] as number));
  return scales.reduce((most, s) => Math.max(most, Math.abs(Math.log2(s))), 0);
}

function largest(node: Node, channels: number, channelOf: (i: number) => number): Float64Array {
  const ranges = new Float64Array(channels);
  weightOf(node).raw.data.forEach((w, i) => {
    const c = channelOf(i);
    ranges[c] = Math.max(ranges[c] as number, Math.abs(w));
  });
  return ranges;
}

function rescale(node: Node, index: number, change: (value: number, i: number) => number): void {
  const { data, dims } = (leafTensor(node.input(index)) as Tensor<'float32'>).raw;
  replaceParameter(node, index, new Tensor('float32', data.map(change), dims));
}
