import type { Graph } from '../ir/graph.js';
import type { Pass } from '../passes/pass.js';

/**
 * Attention with both of its matmuls in int8: `octavo::multi_head_attention_int8` in the place of the float op, with
 * the same operands and a float result. Its ranges are found at run time, so that it goes with dynamic and with static
 * linears, on a graph of any stage. Changes what the graph computes.
 */
export const quantizeAttention: Pass = (graph: Graph): Graph => {
  const quantized = graph.clone();
  for (const node of quantized.nodes()) {
    if (node.op !== 'octavo::multi_head_attention') continue;
    const { inputs, attrs, scope, output } = node;
    const outputs = [{ type: output.type, hint: output.hint }];
    const op = 'octavo::multi_head_attention_int8';
    const int8 = quantized.insert({ op, inputs, outputs, attrs, scope, note: 'int8 matmuls' }, node);
    output.replaceUses(int8.output);
    node.remove();
  }
  return quantized;
};
