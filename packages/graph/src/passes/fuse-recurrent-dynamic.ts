import { DYNAMIC_SCHEMES } from '@octavo/core';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import { matchDynamicInput } from './fuse-linear-dynamic.js';
import { WeightPacker, weightQuantizer } from './pack-weight.js';

/** Recurrent layers with an int8 form, and where the operands behind the weights and biases begin: lengths, h0, c0. */
export const RECURRENT_FORMS: Readonly<Record<string, { readonly op: string; readonly rest: number }>> = {
  'aten::lstm_layer': { op: 'quantized::lstm_layer_dynamic', rest: 6 },
  'aten::gru_layer': { op: 'quantized::gru_layer_dynamic', rest: 5 },
  'aten::rnn_tanh_layer': { op: 'quantized::rnn_tanh_layer_dynamic', rest: 5 },
  'aten::rnn_relu_layer': { op: 'quantized::rnn_relu_layer_dynamic', rest: 5 },
};

/**
 * A recurrent layer over a dynamically quantized input and quantized weights becomes its int8 op, which quantizes h at each
 * step as well: that has no form in nodes, so a debug graph keeps h in float.
 */
export function fuseRecurrentDynamic(graph: Graph): Graph {
  const packer = new WeightPacker(graph, new FreeNames(graph));
  for (const node of graph.nodes()) {
    const form = Object.hasOwn(RECURRENT_FORMS, node.op) ? RECURRENT_FORMS[node.op] : undefined;
    const match = form && matchRecurrent(node);
    if (form === undefined || match === undefined) continue;
    const { input, ih, hh } = match;
    const packed = [packer.pack(node, ih, node.inputs[3] ?? null), packer.pack(node, hh, node.inputs[4] ?? null)];
    const fused = graph.insert(
      {
        op: form.op,
        inputs: [input.x, ...packed, ...node.inputs.slice(form.rest)],
        outputs: node.outputs.map(({ type, hint }) => ({ type, hint })),
        attrs: { ...node.attrs, scheme: DYNAMIC_SCHEMES[input.scheme], reduceRange: input.reduceRange },
        scope: node.scope,
        note: node.note,
      },
      node,
    );
    node.outputs.forEach((output, i) => {
      const replacement = fused.outputs[i];
      if (replacement !== undefined) output.replaceUses(replacement);
    });
    node.remove();
  }
  return graph;
}

function matchRecurrent(node: Node) {
  const input = matchDynamicInput(node.input(0));
  const [ih, hh] = [weightQuantizer(node, 1, 3), weightQuantizer(node, 2, 4)];
  return input && ih && hh && { input, ih, hh };
}
