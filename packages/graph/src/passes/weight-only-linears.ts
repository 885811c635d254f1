import { Tensor } from '@octavo/core';
import { type GroupedWeight, isWeightOnlyQConfig, packGroups } from '@octavo/observers';
import { replaceParameter } from '../improve/replace-parameter.js';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import { attributeName, attributeSpec, GET_ATTR, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { OBSERVE, type ObserverSpec, observerName } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';

/** linear(x, observed weight) becomes octavo::linear_weight_only over the weight's codes, scales and zero points. */
export function packWeightOnly(graph: Graph): Graph {
  const names = new FreeNames(graph);
  for (const { node, weight, packed } of weightOnlyLinears(graph)) {
    const name = weight.node.op === GET_ATTR ? attributeName(weight.node) : `${node.scope}.weight`;
    const owner = name.slice(0, name.lastIndexOf('.') + 1);
    const parameter = (suffix: string, tensor: Tensor): Value => {
      const free = names.find(`${owner}_packed_${suffix}`);
      graph.parameters.set(free, tensor);
      if (suffix === 'weight') graph.frozen.set(name, free);
      return graph.insert(attributeSpec(free, tensor), node).output;
    };
    const inputs = [
      node.input(0),
      parameter('weight', packed.codes),
      parameter('scales', packed.scales),
      parameter('zero_points', packed.zeroPoints),
      node.inputs[2] ?? null,
    ];
    const { bits, groupSize } = packed;
    const { type, hint } = node.output;
    const linear = graph.insert(
      {
        op: 'octavo::linear_weight_only',
        inputs,
        outputs: [{ type, hint }],
        attrs: { bits, groupSize, ...node.attrs },
        scope: node.scope,
        note: `weight only, ${bits} bits in groups of ${groupSize}`,
      },
      node,
    );
    node.output.replaceUses(linear.output);
    node.remove();
  }
  return graph;
}

/** For debug graphs: the float values that the codes stand for, as the linear's weight. */
export function emulateWeightOnly(graph: Graph): Graph {
  for (const { node, weight, packed } of weightOnlyLinears(graph)) {
    node.setInput(1, weight);
    replaceParameter(node, 1, dequantized(packed));
  }
  return graph;
}

function* weightOnlyLinears(graph: Graph): Generator<{ node: Node; weight: Value; packed: GroupedWeight }> {
  for (const node of [...graph.nodes()]) {
    const observe = node.op === 'aten::linear' ? node.input(1).node : undefined;
    if (observe?.op !== OBSERVE) continue;
    const { qconfig } = graph.observers.get(observerName(observe)) as ObserverSpec;
    if (!isWeightOnlyQConfig(qconfig)) continue;
    const weight = observe.input(0);
    yield { node, weight, packed: packGroups(leafTensor(weight) as Tensor, qconfig) };
    if (!observe.output.isUsed) observe.remove();
  }
}

function dequantized({ bits, groupSize, codes, scales, zeroPoints }: GroupedWeight): Tensor<'float32'> {
  const perByte = 8 / bits;
  const [out, bytes] = codes.raw.dims as [number, number];
  const width = bytes * perByte;
  const groups = scales.raw.dims[1] as number;
  const values = Float32Array.from({ length: out * width }, (_, i) => {
    const group = Math.floor(i / width) * groups + Math.floor((i % width) / groupSize);
    const byte = codes.raw.data[Math.floor(i / perByte)] as number;
    const code = (byte >> ((i % perByte) * bits)) & (2 ** bits - 1);
    return (code - (zeroPoints.raw.data[group] as number)) * (scales.raw.data[group] as number);
  });
  return new Tensor('float32', values, [out, width]);
}
