import { isPackedParams } from '@octavo/core';
import { type CoverageReport, type CoverageRow, coverageReport } from '@octavo/observers';
import type { Graph, GraphStage } from '../ir/graph.js';
import { leafOperand } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { OBSERVE } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';

/**
 * Multiply-adds of a node for each row of its input (a token, or an image's features), from dims as traced:
 * a linear has in * out, a recurrent layer both of its weights; attention 2 * keys * width (scores, then the weighted
 * sum); a matmul [b, h, m, k] x [b, h, k, n] has h * k * n; a convolution has its weights * its output's pixels, for
 * each image. Rows count alike, also those that only some tokens pass (a pooler).
 */
const MULTIPLY_ADDS: Readonly<Record<string, (node: Node) => number>> = {
  'aten::linear': (node) => size(dims(node, 1)),
  'quantized::linear_dynamic': (node) => packedSize(node.input(1)),
  'aten::lstm_layer': (node) => size(dims(node, 1)) + size(dims(node, 2)) + (node.inputs[5] ? size(dims(node, 5)) : 0),
  'aten::gru_layer': bothWeights,
  'aten::rnn_tanh_layer': bothWeights,
  'aten::rnn_relu_layer': bothWeights,
  'octavo::lstm': bothWeights,
  'octavo::gru': bothWeights,
  'octavo::rnn': bothWeights,
  'octavo::lstm_dynamic': bothWeights,
  'quantized::lstm_layer_dynamic': bothPacked,
  'quantized::gru_layer_dynamic': bothPacked,
  'quantized::rnn_tanh_layer_dynamic': bothPacked,
  'quantized::rnn_relu_layer_dynamic': bothPacked,
  // Rows are looked up, not multiplied.
  'quantized::embedding_byte': () => 0,
  'quantized::embedding_bag_byte_rowwise_offsets': () => 0,
  'quantized::embedding_bag_4bit_rowwise_offsets': () => 0,
  'aten::embedding_bag': () => 0,
  'quantized::embedding_4bit': () => 0,
  'quantized::linear': (node) => packedSize(node.input(1)),
  'octavo::linear_weight_only': (node) => size(dims(node, 0).slice(-1)) * (dims(node, 1)[0] ?? 0),
  'octavo::linear_quantized': (node) => packedSize(node.input(3)),
  'aten::conv': (node) => size(dims(node, 1)) * pixels(node.output),
  'quantized::conv': (node) => packedSize(node.input(1)) * pixels(node.output),
  // Every input pixel meets every weight.
  'aten::conv_transpose': (node) => size(dims(node, 1)) * pixels(node.input(0)),
  'quantized::conv_transpose': (node) => packedSize(node.input(1)) * pixels(node.input(0)),
  'quantized::matmul': (node) =>
    size(dims(node, 0).slice(1, -2)) * (dims(node, 1).at(-2) ?? 0) * (dims(node, 1).at(-1) ?? 0),
  'octavo::multi_head_attention': (node) => 2 * (dims(node, 1).at(-2) ?? 0) * (dims(node, 0).at(-1) ?? 0),
  'aten::scaled_dot_product_attention': (node) =>
    (dims(node, 0)[1] ?? 0) * (dims(node, 1).at(-2) ?? 0) * ((dims(node, 0).at(-1) ?? 0) + (dims(node, 2).at(-1) ?? 0)),
  'octavo::multi_head_attention_int8': (node) => 2 * (dims(node, 1).at(-2) ?? 0) * (dims(node, 0).at(-1) ?? 0),
  'aten::matmul': (node) =>
    size(dims(node, 0).slice(1, -2)) * (dims(node, 1).at(-2) ?? 0) * (dims(node, 1).at(-1) ?? 0),
};

function bothWeights(node: Node): number {
  return size(dims(node, 1)) + size(dims(node, 2));
}

function bothPacked(node: Node): number {
  return packedSize(node.input(1)) + packedSize(node.input(2));
}

/** Clipped gates, peepholes, other activations, the reset gate before its product, or weights that are computed. */
const FOREIGN_LAYER = 'a recurrent layer of ONNX in a form that modules do not have';

/** Why an op that does multiply-adds is never int8 here; linears and convolutions say why themselves. */
const NO_INT8_FORM: Readonly<Record<string, string>> = {
  'octavo::multi_head_attention': 'float attention; quantizeAttention makes it int8',
  'aten::scaled_dot_product_attention': 'attention over heads that lie apart has no int8 form',
  'aten::matmul': 'matmul of two activations has no int8 form',
  'octavo::lstm': FOREIGN_LAYER,
  'octavo::gru': FOREIGN_LAYER,
  'octavo::rnn': FOREIGN_LAYER,
  'aten::conv': 'convolutions are quantized statically alone',
  'aten::conv_transpose': 'convolutions are quantized statically alone',
};

/** Ops whose multiply-adds depend on the dims of activations alone, which imported graphs may leave to each run. */
const OF_TWO_ACTIVATIONS = [
  'octavo::multi_head_attention',
  'octavo::multi_head_attention_int8',
  'aten::scaled_dot_product_attention',
  'aten::matmul',
];
const UNCOUNTED = 'not counted, as its dims vary by run';

/** Int8 ops that are not PyTorch's. */
const INT8_OPS = ['octavo::linear_quantized', 'octavo::multi_head_attention_int8', 'octavo::lstm_dynamic'];

/** What of a graph runs in int8 and what stayed float, and why: one row for each op that does multiply-adds. */
export function coverage(graph: Graph): CoverageReport {
  const rows: CoverageRow[] = [];
  for (const node of graph.nodes()) {
    const count = Object.hasOwn(MULTIPLY_ADDS, node.op) ? MULTIPLY_ADDS[node.op] : undefined;
    if (count === undefined) continue;
    const { precision, reason } = verdict(graph, node);
    const multiplyAdds = count(node);
    const uncounted = multiplyAdds === 0 && OF_TWO_ACTIVATIONS.includes(node.op);
    rows.push({
      path: node.scope,
      op: node.op,
      precision,
      reason: uncounted ? `${reason}; ${UNCOUNTED}` : reason,
      multiplyAdds,
    });
  }
  return coverageReport(rows);
}

function verdict(graph: Graph, node: Node): Pick<CoverageRow, 'precision' | 'reason'> {
  if (node.op.startsWith('quantized::') || INT8_OPS.includes(node.op)) {
    if (/^quantized::embedding_(bag_)?4bit/.test(node.op)) return { precision: 'int4', reason: node.note };
    return { precision: 'int8', reason: node.note || (node.op.endsWith('_dynamic') ? 'dynamic' : 'static') };
  }
  const reason = isMarked(node) ? MARKED[graph.stage] : node.note || NO_INT8_FORM[node.op] || 'not quantized';
  return { precision: 'float32', reason };
}

/** True for a float linear or convolution whose weight is to be int8, or is emulated so. */
function isMarked({ inputs: [, weight] }: Node): boolean {
  return weight?.node.op === OBSERVE || weight?.node.op === 'aten::dequantize';
}

/** Why a linear that a qconfig covers is float, by the stage of its graph. */
const MARKED: Readonly<Record<GraphStage, string>> = {
  float: 'not quantized',
  prepared: 'prepared, not converted yet',
  debug: 'debug: float emulation of int8',
  quantized: 'no int8 form',
};

/** The dims of an operand as traced; [] where they are unknown. */
function dims(node: Node, index: number): readonly number[] {
  const type = node.inputs[index]?.type;
  return type?.kind === 'tensor' ? (type.dims ?? []) : [];
}

function size(of: readonly number[]): number {
  return of.reduce((product, dim) => product * dim, 1);
}

function packedSize(value: Value): number {
  const operand = leafOperand(value);
  return isPackedParams(operand) ? size(operand.weight.dims) : 0;
}

/** Pixels of one image of a value [batch, channels, ...spatial]. */
function pixels({ type }: Value): number {
  return type.kind === 'tensor' ? size(type.dims?.slice(2) ?? []) : 0;
}
