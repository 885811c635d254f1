import { ACTIVATIONS, type ActivationName } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';

/** Ops with an `activation` attribute, float and int8, and the activations that they can do. */
const EPILOGUES: Readonly<Record<string, readonly ActivationName[]>> = {
  'aten::linear': ['relu', 'gelu', 'geluTanh'],
  'aten::conv': ['relu', 'relu6'],
  'octavo::conv_affine': ['relu', 'relu6'],
  'quantized::linear_dynamic': ['relu', 'gelu', 'geluTanh'],
  'octavo::linear_quantized': ['relu', 'gelu', 'geluTanh'],
  'octavo::linear_weight_only': ['relu', 'gelu', 'geluTanh'],
};

/** The activation that a node stands for, if it is one. */
function activationOf({ op, attrs }: Node): ActivationName | undefined {
  if (op === 'aten::relu') return 'relu';
  if (op === 'aten::gelu') return 'gelu';
  if (op === 'aten::gelu_tanh') return 'geluTanh';
  return op === 'aten::clamp' && attrs.min === 0 && attrs.max === 6 ? 'relu6' : undefined;
}

/**
 * Moves an activation that alone reads an op's output into that op. It rounds exactly as the two ops: the epilogue
 * applies the activation to the rounded float32 result.
 */
export function fuseActivations(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    const activation = activationOf(node);
    if (activation === undefined || !fusible(node.input(0).node, node, activation)) continue;
    const { node: before } = node.input(0);
    before.attrs = { ...before.attrs, activation: ACTIVATIONS[activation].code };
    before.output.hint = node.output.hint;
    node.output.replaceUses(before.output);
    node.remove();
  }
  return graph;
}

function fusible(before: Node, reader: Node, activation: ActivationName): boolean {
  const known = Object.hasOwn(EPILOGUES, before.op) ? EPILOGUES[before.op] : undefined;
  const isPlain = (before.attrs.activation ?? ACTIVATIONS.none.code) === ACTIVATIONS.none.code;
  return known?.includes(activation) === true && isPlain && before.output.onlyUser === reader;
}
