import type { Tensor } from '@octavo/core';
import { Comparison, type ComparisonRow } from '@octavo/observers';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import { attributeName, attributeSpec, constantSpec, GET_ATTR, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { removeDeadCode } from '../passes/remove-dead-code.js';
import { type Batches, type BatchOptions, eachBatch } from '../run/each-batch.js';
import { floatIndexOf } from './float-op.js';
import { asFloat, settled } from './flow.js';
import { type NodePair, pairNodes } from './node-pairs.js';
import { valuesById } from './probe.js';
import { quantizedWeight } from './quantized-weight.js';

/**
 * Each quantized node's own error: what it gives, beside what its float twin makes of the same dequantized input
 * (PyTorch's shadow modules). One row of kind 'shadow' a node that computes with codes or int8 weights. The twins run
 * in the quantized graph itself, with the float graph's weights, batch norms and activations; memory holds one batch's
 * values.
 */
export async function compareShadow(
  float: Graph,
  converted: Graph,
  batches: Batches,
  options: BatchOptions = {},
): Promise<ComparisonRow[]> {
  const probe = converted.clone();
  const shadows = addShadows(
    probe,
    pairNodes(float, converted).filter((pair) => isQuantized(pair.converted)),
  );
  probe.setOutputs(
    shadows.flatMap(({ twin, own }, i) => [[`float ${i}`, twin] as const, [`quantized ${i}`, own] as const]),
  );
  removeDeadCode(probe);
  try {
    await eachBatch('compareShadow', batches, options, async (feeds, run) => {
      const values = await probe.runAsync(feeds, run);
      shadows.forEach(({ comparison }, i) => {
        comparison.add(values[`float ${i}`] as Tensor, values[`quantized ${i}`] as Tensor);
      });
    });
  } finally {
    probe.dispose();
  }
  return shadows.map(({ comparison }) => comparison.row());
}

/**
 * True for int8 ops, and in a debug graph for the float ops that emulate one: their weight or their result is rounded.
 */
function isQuantized(node: Node): boolean {
  if (node.graph.stage !== 'debug') return node.op.startsWith('quantized::');
  return quantizedWeight(node) !== undefined || settled(node.output) !== node.output;
}

interface Shadow {
  readonly comparison: Comparison;
  readonly twin: Value;
  readonly own: Value;
}

/**
 * Puts the float nodes of each pair into `probe`, a clone of the converted graph; pairs whose twin has no place there
 * are left out.
 */
function addShadows(probe: Graph, pairs: readonly NodePair[]): Shadow[] {
  const values = valuesById(probe);
  const names = new FreeNames(probe);
  const outputs = pairs.map(({ converted }) => values.get(converted.output.id) as Value);
  // All results first: a twin reads what its node was given, and must not count among the readers of that.
  const results = outputs.map((value) => asFloat(probe, settled(value)));
  return pairs.flatMap(({ name, converted, float }, i) => {
    const twin = insertTwin(probe, names, (outputs[i] as Value).node, float);
    if (twin === undefined) return [];
    return [{ comparison: new Comparison(name, 'shadow', converted.op), twin, own: results[i] as Value }];
  });
}

/** The float nodes at the probe's end, the first of them on the dequantized operands of `node`; what the last gives. */
function insertTwin(probe: Graph, names: FreeNames, node: Node, float: readonly Node[]): Value | undefined {
  let last: Value | undefined;
  for (const { op, attrs, inputs, outputs } of float) {
    const operands = inputs.map((input, k) => {
      if (input === null) return null;
      if (last !== undefined && k === 0) return last;
      const operand = last === undefined ? node.inputs.find((_, i) => floatIndexOf(node.op, i) === k) : undefined;
      return copiedLeaf(probe, names, input, node) ?? (operand ? asFloat(probe, operand) : undefined);
    });
    if (operands.includes(undefined)) return undefined;
    const types = outputs.map(({ type }) => ({ type }));
    last = probe.insert({ op, attrs, inputs: operands as (Value | null)[], outputs: types }).output;
  }
  return last;
}

/** A constant or parameter of the float graph in the probe; undefined for values that are computed. */
function copiedLeaf(probe: Graph, names: FreeNames, value: Value, before: Node): Value | undefined {
  const tensor = leafTensor(value);
  if (tensor === undefined) return undefined;
  if (value.node.op !== GET_ATTR) return probe.insert(constantSpec(tensor), before).output;
  const name = names.find(`float.${attributeName(value.node)}`);
  probe.parameters.set(name, tensor);
  return probe.insert(attributeSpec(name, tensor), before).output;
}
