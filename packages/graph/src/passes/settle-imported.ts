import { dispatch, opByName, type Tensor, withRecorder } from '@octavo/core';
import { isBlockWeight } from '../ir/block-weight.js';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import { attributeName, attributeSpec, GET_ATTR, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { isStoredWeight, storedWeightAxis } from '../ir/stored-weight.js';
import type { Value } from '../ir/value.js';
import { isPackedAxis } from './pack-weight.js';

/** Ops that only a model that somebody has quantized holds. */
const QUANTIZED =
  /^quantized::|^octavo::(add_linear|linear_(quantized|weight_only)|lstm_dynamic|quantize_linear|\w+_integer)$/;

/**
 * The last pass over an imported graph: says its stage, and of every product that stayed float beside codes why. In a
 * model that holds nothing but its weights as codes they become floats: such a graph is a float one, to be quantized.
 */
export function settleImported(graph: Graph): Graph {
  const isQuantized = [...graph.nodes()].some(({ op }) => QUANTIZED.test(op));
  graph.stage = isQuantized ? 'quantized' : 'float';
  const names = new FreeNames(graph);
  for (const node of graph.nodes()) {
    if (isQuantized) node.note ||= islandReason(node) ?? '';
    // No kernel takes blocks but those of linears, which importing found already.
    if (isBlockWeight(node) || (!isQuantized && isStoredWeight(node))) restore(graph, names, node);
  }
  return graph;
}

/** Why a product of codes is computed in floats; undefined for any other node. */
function islandReason(node: Node): string | undefined {
  const {
    op,
    attrs,
    inputs: [x, weight, bias],
    output,
  } = node;
  if (op === 'octavo::linear_weight_only') return `weight of ${attrs.bits} bits in the ONNX file`;
  if (op === 'aten::matmul') return isDequantized(x) && isDequantized(weight) ? unquantizedResult(output) : undefined;
  if (!['aten::linear', 'aten::conv', 'aten::conv_transpose'].includes(op) || !weight) return undefined;
  if (!isStoredWeight(weight.node)) return 'its weight is not quantized in the ONNX file';
  const axis = storedWeightAxis(weight.node);
  if (!isPackedAxis(node, axis)) return `its weight has scales along axis ${axis}`;
  if (!isDequantized(x)) return 'its input is not quantized in the ONNX file';
  return bias && leafTensor(bias) === undefined ? 'its bias is not constant' : unquantizedResult(output);
}

function isDequantized(value: Value | null | undefined): boolean {
  return value?.node.op === 'aten::dequantize' || (value !== undefined && value !== null && isStoredWeight(value.node));
}

function unquantizedResult({ uses }: Value): string {
  const reader = uses.length === 1 ? uses[0]?.node.op : undefined;
  return reader === undefined
    ? 'its result is read as floats as well'
    : `its result is not quantized: ${reader} reads it`;
}

/** The floats of a stored weight in the place of its codes, under the name that the codes had. */
function restore(graph: Graph, names: FreeNames, node: Node): void {
  const { node: codes } = node.input(0);
  const [floats] = withRecorder(null, () =>
    dispatch(
      opByName(node.op),
      node.inputs.map((input) => (input && leafTensor(input)) ?? null),
      node.attrs as never,
    ),
  ) as [Tensor];
  const name = names.find(codes.op === GET_ATTR ? attributeName(codes).replace(/_quantized$/, '') : 'weight');
  graph.parameters.set(name, floats);
  node.output.replaceUses(graph.insert(attributeSpec(name, floats), node).output);
  node.remove();
}
