import type { Tensor } from '@octavo/core';
import { type Comparable, Comparison, type ComparisonRow } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { attributeName, GET_ATTR, leafTensor } from '../ir/leaf-nodes.js';
import type { Value } from '../ir/value.js';
import { foldedParameters } from '../passes/fold-batch-norm.js';
import { type NodePair, pairNodes } from './node-pairs.js';
import { quantizedWeight, weightIndices } from './quantized-weight.js';

/**
 * Every weight that a converted graph holds as codes, or in debug mode quantizes, beside the float graph's: one row of
 * kind 'weight' a parameter, by its name. Where a batch norm was folded into the weight, the folded float weight is the
 * one that it is compared with.
 */
export function compareWeights(float: Graph, converted: Graph): ComparisonRow[] {
  const rows = new Map<string, ComparisonRow>();
  for (const pair of pairNodes(float, converted)) {
    for (const { name, float: own, quantized } of weightsOf(pair)) {
      if (rows.has(name)) continue;
      rows.set(name, new Comparison(name, 'weight', pair.converted.op).add(own, quantized).row());
    }
  }
  return [...rows.values()];
}

interface Weights {
  readonly name: string;
  readonly float: Tensor;
  readonly quantized: Comparable;
}

function weightsOf({ name, float: [twin, norm], converted }: NodePair): Weights[] {
  return weightIndices(converted).flatMap((index) => {
    const [value, quantized] = [twin.inputs[index], quantizedWeight(converted, index)];
    const weight = value && leafTensor(value);
    if (!weight || quantized === undefined) return [];
    const folded = norm?.op === 'aten::batch_norm' ? foldedParameters(twin, norm)?.weight : undefined;
    return [{ name: parameterName(value) ?? `${name}.weight`, float: folded ?? weight, quantized }];
  });
}

function parameterName({ node }: Value): string | undefined {
  return node.op === GET_ATTR ? attributeName(node) : undefined;
}
