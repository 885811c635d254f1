import type { QParams } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import { leafQParams } from '../ir/static-qparams.js';
import type { Value } from '../ir/value.js';

/**
 * quantize(add(dequantize(a), dequantize(b))) of uint8 codes, ONNX's nodes with constant qparams, becomes
 * octavo::add_linear: ONNX Runtime's QLinearAdd, which it runs there, with other codes at ties than the sum of floats.
 * For int8 codes it adds floats on x64, which is what `fuseStatic` makes of them.
 */
export function fuseOnnxAdd(graph: Graph): Graph {
  for (const quantize of graph.nodes()) {
    const y = quantize.op === 'octavo::quantize_linear' ? qparamsOf(quantize) : undefined;
    const add = y && sumBehind(quantize, y);
    if (y === undefined || add === undefined) continue;
    const [a, b] = [operandOf(add.input(0).node), operandOf(add.input(1).node)];
    const { type, hint } = quantize.output;
    const areBytes = [a?.codes.type, b?.codes.type, type].every((of) => of?.kind === 'tensor' && of.dtype === 'uint8');
    if (a === undefined || b === undefined || !areBytes) continue;
    const sum = graph.insert(
      {
        op: ADD_LINEAR,
        inputs: [a.codes, b.codes],
        outputs: [{ type, hint }],
        attrs: addLinearAttrs(a, b, y),
        scope: add.scope,
      },
      quantize,
    );
    quantize.output.replaceUses(sum.output);
    quantize.remove();
  }
  return graph;
}

/** The sum that only `quantize` reads; a relu between them changes nothing where codes begin at the zero point. */
function sumBehind(quantize: Node, { zeroPoint }: QParams): Node | undefined {
  const { node, onlyUser } = quantize.input(0);
  if (onlyUser !== quantize) return undefined;
  if (node.op === 'aten::add') return node;
  const sum = node.op === 'aten::relu' && zeroPoint === 0 ? node.input(0) : undefined;
  return sum?.node.op === 'aten::add' && sum.onlyUser === node ? sum.node : undefined;
}

/** The attributes of a sum of codes in these qparams. */
export function addLinearAttrs(a: QParams, b: QParams, y: QParams) {
  const operands = { aScale: a.scale, aZeroPoint: a.zeroPoint, bScale: b.scale, bZeroPoint: b.zeroPoint };
  return { ...operands, scale: y.scale, zeroPoint: y.zeroPoint, shift: 0 };
}

export const ADD_LINEAR = 'octavo::add_linear';

function operandOf(node: Node) {
  const qparams = node.op === 'octavo::dequantize_linear' ? qparamsOf(node) : undefined;
  return qparams && { codes: node.input(0) as Value, ...qparams };
}

function qparamsOf({ inputs }: Node) {
  return leafQParams(inputs[1], inputs[2]);
}
