import { DTYPES, dequantizeValue, PER_TENSOR, QUANTIZED_DTYPES, type QuantizedDType, Tensor } from '@octavo/core';
import type { FakeQuantize } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { constantSpec, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { fakeQuantizeOf } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';
import { tensorType } from '../ir/value-type.js';

/**
 * Replaces the fake quantizers of a graph from `prepareQat` by what they compute with the ranges in force: a weight by its
 * rounded values, an activation by dequantize(quantize(x)), limited to the values of the lowest and the highest code where
 * codes have fewer than 8 bits. One that has seen nothing, or is switched off, is left to `dropObservers`.
 */
export function emulateFakeQuantize(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    const quantizer = fakeQuantizeOf(node);
    if (quantizer === undefined || quantizer.isEmpty || !quantizer.fakeQuantEnabled) continue;
    const constant = leafTensor(node.input(0));
    const rounded = constant
      ? graph.insert(constantSpec(quantizer.round(constant)), node).output
      : activation(graph, node, quantizer);
    node.output.replaceUses(rounded);
    node.remove();
  }
  return graph;
}

function activation(graph: Graph, node: Node, { scale, zeroPoint, dtype, quantMin, quantMax }: FakeQuantize): Value {
  const [s, z] = [scale as number, zeroPoint as number];
  const { storage, qmin, qmax } = QUANTIZED_DTYPES[dtype as QuantizedDType];
  const { type } = node.output;
  const leaf = (tensor: Tensor): Value => graph.insert(constantSpec(tensor), node).output;
  const qparams = [
    leaf(new Tensor('float32', Float32Array.of(s), [1])),
    leaf(new Tensor('int32', Int32Array.of(z), [1])),
  ];
  const codes = graph.insert(
    {
      op: 'aten::quantize_per_tensor',
      inputs: [node.input(0), ...qparams],
      outputs: [{ type: tensorType(dtype as QuantizedDType, type.kind === 'tensor' ? type.dims : null) }],
      attrs: { dtype: DTYPES[storage].code },
    },
    node,
  ).output;
  const attrs = { axis: PER_TENSOR };
  const values = graph.insert(
    { op: 'aten::dequantize', inputs: [codes, ...qparams], outputs: [{ type }], attrs },
    node,
  );
  if (quantMin <= qmin && quantMax >= qmax) return values.output;
  const limits = { min: dequantizeValue(quantMin, s, z), max: dequantizeValue(quantMax, s, z) };
  return graph.insert({ op: 'aten::clamp', inputs: [values.output], outputs: [{ type }], attrs: limits }, node).output;
}
