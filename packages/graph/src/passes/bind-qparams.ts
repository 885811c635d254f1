import { PER_TENSOR, Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { constantSpec } from '../ir/leaf-nodes.js';
import { quantizerOf } from '../ir/quantizers.js';
import { staticQParams } from '../ir/static-qparams.js';

/**
 * Gives every `aten::dequantize` the scale and zero point of its codes as operands: a quantized value carries them in
 * TorchScript, and core's op takes them so.
 */
export function bindQParams(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    if (node.op !== 'aten::dequantize' || node.inputs.length !== 1) continue;
    const { node: producer } = node.input(0);
    const quantizer = quantizerOf(producer);
    if (quantizer !== undefined) {
      node.addInput(producer.input(1));
      node.addInput(producer.input(2));
      node.attrs = { ...node.attrs, axis: quantizer.dequantizeAxis(producer) };
      continue;
    }
    const qparams = staticQParams(node.input(0));
    if (qparams === undefined) continue;
    const constants = [
      new Tensor('float32', Float32Array.of(qparams.scale), [1]),
      new Tensor('int32', Int32Array.of(qparams.zeroPoint), [1]),
    ];
    for (const constant of constants) node.addInput(graph.insert(constantSpec(constant), node).output);
    node.attrs = { ...node.attrs, axis: PER_TENSOR };
  }
  return graph;
}
