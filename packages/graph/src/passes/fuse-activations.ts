import { ACTIVATIONS } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';

/** Ops that a linear can do in its epilogue, with the code of its `activation` attribute. */
const ACTIVATION_OPS: Readonly<Record<string, number>> = {
  'aten::relu': ACTIVATIONS.relu.code,
  'aten::gelu': ACTIVATIONS.gelu.code,
};

/** Linears with an `activation` attribute, float and int8. */
const LINEAR_OPS: ReadonlySet<string> = new Set([
  'aten::linear',
  'quantized::linear_dynamic',
  'octavo::linear_quantized',
]);

/**
 * Moves a relu or gelu that alone reads a linear's output into that linear. It rounds exactly as the two ops: the
 * epilogue applies the activation to the rounded float32 result.
 */
export function fuseActivations(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    const activation = Object.hasOwn(ACTIVATION_OPS, node.op) ? ACTIVATION_OPS[node.op] : undefined;
    if (activation === undefined || !fusible(node.input(0).node, node)) continue;
    const linear = node.input(0).node;
    linear.attrs = { ...linear.attrs, activation };
    linear.output.hint = node.output.hint;
    node.output.replaceUses(linear.output);
    node.remove();
  }
  return graph;
}

function fusible(linear: Node, reader: Node): boolean {
  const { none } = ACTIVATIONS;
  const isPlain = LINEAR_OPS.has(linear.op) && (linear.attrs.activation ?? none.code) === none.code;
  return isPlain && linear.output.onlyUser === reader;
}
