import { Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { OBSERVE } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';
import { tensorType } from '../ir/value-type.js';
import { replaceObservers } from '../passes/replace-observers.js';
import { checkStage } from '../quantize/stage.js';
import type { Batches } from '../run/each-batch.js';
import { probe } from './probe.js';
import { replaceParameter } from './replace-parameter.js';

export interface CorrectBiasOptions {
  /** A layer keeps its bias where some channel's would change by more than this, relative to the bias (NNCF: 2). */
  threshold?: number;
}

const LAYERS: Readonly<Record<string, { readonly channelAxis: 1 | -1 }>> = {
  'aten::linear': { channelAxis: -1 },
  'aten::conv': { channelAxis: 1 },
};

/**
 * Fast bias correction (Nagel et al. 2019; NNCF's FastBiasCorrection): rounding weights and activations shifts the mean
 * of each output channel; the shift, measured on `batches` for each linear and convolution fed with float activations,
 * goes into its bias. Layers without a bias, and those whose correction passes the threshold, stay as they are.
 *
 * Takes a prepared graph: a calibrated one of `prepare`, or one of `prepareDynamic`. Gives another one.
 */
export async function correctBias(
  prepared: Graph,
  batches: Batches,
  { threshold = 2 }: CorrectBiasOptions = {},
): Promise<Graph> {
  checkStage('correctBias', prepared, 'prepared');
  const corrected = prepared.clone();
  const layers = [...corrected.nodes()].filter(isCorrectable);
  const { graph, shifts } = shadowGraph(prepared, layers);
  const means = new Map<string, { sum: Float64Array; rows: number }>();
  await probe('correctBias', graph, shifts, batches, (seen) => {
    for (const name of shifts.keys()) {
      const { data, dims } = (seen[name] as Tensor<'float32'>).raw;
      const { channelAxis } = LAYERS[(layers[Number(name)] as Node).op] as (typeof LAYERS)[string];
      const channels = dims.at(channelAxis) as number;
      const inner = channelAxis === 1 ? data.length / ((dims[0] as number) * channels) : 1;
      const mean = means.get(name) ?? { sum: new Float64Array(channels), rows: 0 };
      for (let i = 0; i < data.length; i++) {
        const c = Math.floor(i / inner) % channels;
        mean.sum[c] = (mean.sum[c] as number) + (data[i] as number);
      }
      mean.rows += data.length / channels;
      means.set(name, mean);
    }
  });
  for (const [name, { sum, rows }] of means) {
    const layer = layers[Number(name)] as Node;
    const bias = leafTensor(layer.input(2)) as Tensor<'float32'>;
    const shift = sum.map((total) => total / rows);
    if (relativeChange(bias.raw.data, shift) > threshold) continue;
    const data = bias.raw.data.map((b, c) => b + (shift[c] as number));
    replaceParameter(layer, 2, new Tensor('float32', data, bias.raw.dims));
  }
  return corrected;
}

/** A layer whose input and weight are observed, with a constant bias. */
function isCorrectable({ op, inputs: [x, weight, bias] }: Node): boolean {
  const observed = x?.node.op === OBSERVE && weight?.node.op === OBSERVE;
  return Object.hasOwn(LAYERS, op) && observed && Boolean(bias && leafTensor(bias) !== undefined);
}

/** The largest |shift / bias|; infinite where a bias is 0 and shifts, as NNCF has it. */
function relativeChange(bias: Float32Array, shift: Float64Array): number {
  return shift.reduce((most, s, c) => (s === 0 ? most : Math.max(most, Math.abs(s / (bias[c] as number)))), 0);
}

/**
 * The prepared graph with a twin beside every layer that reads the same float values as codes give them back, and the
 * difference of both results. Everything else computes in float.
 */
function shadowGraph(prepared: Graph, layers: readonly Node[]): { graph: Graph; shifts: Map<string, Value> } {
  const graph = prepared.clone();
  const byId = new Map([...graph.nodes()].map((node) => [node.id, node]));
  const shifts = new Map<string, Value>();
  layers.forEach(({ id }, i) => {
    const layer = byId.get(id) as Node;
    const { op, inputs, attrs, output } = layer;
    const after = layer.next as Node;
    const outputs = [{ type: output.type }];
    const twin = graph.insert({ op, inputs, outputs, attrs }, after).output;
    const difference = { op: 'aten::sub', inputs: [output, twin], outputs: [{ type: tensorType('float32', null) }] };
    shifts.set(String(i), graph.insert(difference, after).output);
  });
  const twins = new Set([...shifts.values()].map((shift) => shift.node.input(1).node));
  for (const observe of graph.nodes()) {
    if (observe.op !== OBSERVE) continue;
    for (const { node, index } of observe.output.uses) if (!twins.has(node)) node.setInput(index, observe.input(0));
    if (!observe.output.isUsed) observe.remove();
  }
  return { graph: replaceObservers(graph), shifts };
}
