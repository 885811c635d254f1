import {
  type Attrs,
  dispatch,
  isOctavoError,
  OPS,
  type Operand,
  opByName,
  type Tensor,
  withRecorder,
} from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { constantSpec, leafOperand } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';

/**
 * Computes, once, every op whose operands are all parameters or constants: a debug graph's dequantize(quantize(weight))
 * becomes a float constant. The bits are those that the op would give at run time, on any backend.
 */
export function foldConstants(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    const results = evaluate(node);
    if (results === undefined) continue;
    node.outputs.forEach((output, i) => {
      output.replaceUses(graph.insert(constantSpec(results[i] as Tensor), node).output);
    });
    node.remove();
  }
  return graph;
}

/** A node's results where its operands are known, or undefined. An op that refuses them says so when the graph runs. */
function evaluate(node: Node): Tensor[] | undefined {
  if (!Object.hasOwn(OPS, node.op)) return undefined;
  const operands = node.inputs.map((input: Value | null) => (input === null ? null : leafOperand(input)));
  if (operands.every((operand) => operand === null) || operands.includes(undefined)) return undefined;
  try {
    return withRecorder(null, () => dispatch(opByName(node.op), operands as (Operand | null)[], node.attrs as Attrs));
  } catch (error) {
    if (isOctavoError(error)) return undefined;
    throw error;
  }
}
