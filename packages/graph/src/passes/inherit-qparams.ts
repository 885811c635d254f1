import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import { quantizerOf } from '../ir/quantizers.js';
import { staticQParams } from '../ir/static-qparams.js';
import { staticOpOf } from '../static/static-ops.js';

/**
 * Quantizes what pools, reshapes and their like make of dequantized codes, with the scale and zero point of those codes:
 * op(dequantize(q)) becomes dequantize(quantize(op(dequantize(q)))). Changes no value of ops that move or select
 * codes; averages are rounded to codes.
 */
export function inheritQParams(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    if (staticOpOf(node)?.kind !== 'inherited') continue;
    const quantize = staticQuantizerBehind(node);
    const reader = node.output.onlyUser;
    if (quantize === undefined || (reader !== undefined && quantizerOf(reader) !== undefined)) continue;
    const { type } = node.output;
    const dims = type.kind === 'tensor' ? type.dims : null;
    const before = node.next as Node;
    const { scope } = node;
    const codes = graph.insert(
      {
        op: quantize.op,
        inputs: [node.output, quantize.input(1), quantize.input(2)],
        outputs: [{ type: { ...quantize.output.type, dims } as typeof type, hint: 'quant' }],
        attrs: quantize.attrs,
        scope,
      },
      before,
    );
    const dequantize = graph.insert(
      { op: 'aten::dequantize', inputs: [codes.output], outputs: [{ type, hint: 'dequant' }], scope },
      before,
    );
    node.output.replaceUses(dequantize.output, codes);
  }
  return graph;
}

/** The node that quantized, with constant qparams, the codes that a node's operand is dequantized from. */
function staticQuantizerBehind(node: Node): Node | undefined {
  const dequantize = node.input(0).node;
  if (dequantize.op !== 'aten::dequantize') return undefined;
  const codes = dequantize.input(0);
  const isQuantizer = codes.node.op === 'aten::quantize_per_tensor';
  return isQuantizer && staticQParams(codes) !== undefined ? codes.node : undefined;
}
