import type { Graph } from '../ir/graph.js';
import { leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';

/**
 * linear(x, weight) + a constant [out] becomes linear(x, weight, bias): exporters write a linear of three dims as a
 * product and a sum. The same bits: the bias is added behind the product either way.
 */
export function fuseLinearBias(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    if (node.op !== 'aten::add') continue;
    const [product, bias] = productAndBias(node) ?? productAndBias(node, 1) ?? [];
    if (product === undefined || bias === undefined) continue;
    const fused = graph.insert(
      {
        op: product.op,
        inputs: [...product.inputs.slice(0, BIAS_AT[product.op]), bias],
        outputs: [{ type: node.output.type, hint: node.output.hint }],
        attrs: product.attrs,
        scope: product.scope,
        note: product.note,
      },
      node,
    );
    node.output.replaceUses(fused.output);
    node.remove();
    product.remove();
  }
  return graph;
}

/** Linears, and which of their operands is the bias. */
const BIAS_AT: Readonly<Record<string, number>> = { 'aten::linear': 2, 'octavo::linear_weight_only': 4 };

/** The linear without bias that only `add` reads, and the constant that is added to it. */
function productAndBias(add: Node, index: 0 | 1 = 0): [Node, Value] | undefined {
  const [product, bias] = [add.input(index).node, add.input(1 - index)];
  const at = Object.hasOwn(BIAS_AT, product.op) ? BIAS_AT[product.op] : undefined;
  if (at === undefined || product.inputs[at] || product.attrs.activation) return undefined;
  if (product.output.onlyUser !== add) return undefined;
  const out = leafTensor(product.input(1))?.raw.dims[0];
  const tensor = leafTensor(bias);
  if (tensor?.type !== 'float32' || tensor.raw.dims.length !== 1 || tensor.raw.dims[0] !== out) return undefined;
  return [product, bias];
}
