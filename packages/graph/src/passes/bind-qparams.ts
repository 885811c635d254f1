import type { Graph } from '../ir/graph.js';
import { quantizerOf } from '../ir/quantizers.js';

/**
 * Gives every `aten::dequantize` the scale and zero point of the node that made its codes: a quantized value carries
 * them in TorchScript, and core's op takes them as operands.
 */
export function bindQParams(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    if (node.op !== 'aten::dequantize' || node.inputs.length !== 1) continue;
    const { node: producer } = node.input(0);
    const quantizer = quantizerOf(producer);
    if (quantizer === undefined) continue;
    node.addInput(producer.input(1));
    node.addInput(producer.input(2));
    node.attrs = { ...node.attrs, axis: quantizer.dequantizeAxis(producer) };
  }
  return graph;
}
