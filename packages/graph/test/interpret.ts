import { type Attrs, dispatch, type Operand, opByName, type Tensor } from '@octavo/core';
import type { Graph } from '../src/index.js';
import { leafOperand } from '../src/ir/leaf-nodes.js';
import { OBSERVE } from '../src/ir/observer-spec.js';
import type { Value } from '../src/ir/value.js';
import { bindQParams } from '../src/passes/bind-qparams.js';

/** Runs a graph node by node as it prints, with no fusion, folding or sharing: what lowering must agree with. Observers pass values on. */
export function interpret(graph: Graph, feeds: Record<string, Tensor>): Record<string, Tensor> {
  const plain = bindQParams(graph.clone());
  const values = new Map<Value, Operand>();
  for (const input of plain.inputs) values.set(input, feeds[input.hint] as Tensor);
  for (const node of plain.nodes()) {
    const leaf = leafOperand(node.output);
    const results =
      node.op === OBSERVE
        ? [values.get(node.input(0)) as Operand]
        : leaf === undefined
          ? dispatch(
              opByName(node.op),
              node.inputs.map((input) => (input === null ? null : (values.get(input) as Operand))),
              node.attrs as Attrs,
            )
          : [leaf];
    node.outputs.forEach((output, i) => {
      values.set(output, results[i] as Operand);
    });
  }
  return Object.fromEntries(plain.outputs.map(({ name, value }) => [name, values.get(value) as Tensor]));
}
