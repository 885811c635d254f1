import type { Graph } from '../ir/graph.js';
import { tensorType } from '../ir/value-type.js';

/**
 * Splits `quantized::linear_dynamic` into `octavo::quantize_dynamic` and `octavo::linear_quantized`, its two halves,
 * so that linears of one input (Q, K and V) can share the first.
 */
export function splitLinearDynamic(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    if (node.op !== 'quantized::linear_dynamic') continue;
    const x = node.input(0);
    const { scheme, reduceRange, activation } = { scheme: 0, reduceRange: 0, activation: 0, ...node.attrs };
    const quantize = graph.insert(
      {
        op: 'octavo::quantize_dynamic',
        inputs: [x],
        outputs: [
          { type: tensorType('uint8', x.type.kind === 'tensor' ? x.type.dims : null), hint: 'codes' },
          { type: tensorType('float32', null), hint: 'scales' },
          { type: tensorType('int32', null), hint: 'zero_points' },
        ],
        attrs: { scheme, reduceRange },
        scope: node.scope,
      },
      node,
    );
    const linear = graph.insert(
      {
        op: 'octavo::linear_quantized',
        inputs: [...quantize.outputs, node.input(1)],
        outputs: [{ type: node.output.type, hint: node.output.hint }],
        attrs: { activation },
        scope: node.scope,
        note: node.note,
      },
      node,
    );
    node.output.replaceUses(linear.output);
    node.remove();
  }
  return graph;
}
