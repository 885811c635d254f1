import { formatAttributes } from './attributes.js';
import type { Graph } from './graph.js';
import type { Node } from './node.js';
import type { Value } from './value.js';
import { nameValues } from './value-names.js';
import { formatType } from './value-type.js';

/**
 * The graph as TorchScript prints one:
 * ```
 * graph(%self : Classifier,
 *       %x : Float(2, 8)):
 *   %weight.1 : Float(4, 8) = prim::GetAttr[name="fc.weight"](%self)
 *   %3 : Float(2, 4) = aten::linear(%x, %weight.1, None), scope: fc
 *   return (%3)
 * ```
 */
export function print(graph: Graph): string {
  const names = nameValues(graph);
  const ref = (value: Value | null) => (value === null ? 'None' : `%${names.get(value)}`);
  const typed = (value: Value) => `${ref(value)} : ${formatType(value.type)}`;
  const header = [`%self : ${graph.name}`, ...graph.inputs.map(typed)].join(',\n      ');
  const lines = [`graph(${header}):`];
  if (graph.fixedBy !== null) lines.push(`  # fixed to these input shapes: ${graph.fixedBy}`);
  for (const node of graph.nodes()) lines.push(`  ${printNode(node, ref, typed)}`);
  const { outputs } = graph;
  const labels = outputs.map(({ name }) => name).join(', ');
  lines.push(
    `  return (${outputs.map(({ value }) => ref(value)).join(', ')})${labels === 'output' ? '' : ` # ${labels}`}`,
  );
  return `${lines.join('\n')}\n`;
}

function printNode(node: Node, ref: (value: Value | null) => string, typed: (value: Value) => string): string {
  // TorchScript reads every attribute from the module itself.
  const operands = node.op === 'prim::GetAttr' ? ['%self'] : node.inputs.map(ref);
  const scope = node.scope === '' ? '' : `, scope: ${node.scope}`;
  return `${node.outputs.map(typed).join(', ')} = ${node.op}${formatAttributes(node)}(${operands.join(', ')})${scope}`;
}
