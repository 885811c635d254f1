import { DTYPES, LinearPackedParams, type Tensor } from '@octavo/core';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import { attributeName, attributeSpec, GET_ATTR, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { transposedWeight } from '../ir/transposed-weight.js';
import type { Value } from '../ir/value.js';
import { matchDynamicProduct } from './dynamic-codes.js';

/**
 * float(matmul_integer(codes(x), W)) * (scale(x) * scale(W)) + bias, what ONNX Runtime's dynamic quantizer writes, becomes
 * quantized::linear_dynamic(x, packed) with ONNX's rule for the range, or the one that our exporter spelled out: one int8
 * kernel. Weights of uint8 are shifted by 128 with their zero points.
 *
 * Ranges and codes are ONNX's to the bit; the bias is added in the rounding of the scale, so that last bits may differ.
 */
export function fuseOnnxDynamic(graph: Graph): Graph {
  const names = new FreeNames(graph);
  const known = new Map<string, string>();
  for (const node of graph.nodes()) {
    const match = node.op === 'octavo::matmul_integer' ? matchLinear(node) : undefined;
    if (match === undefined) continue;
    const { x, scheme, reduceRange, operands, result, scope } = match;
    const key = operands.map((operand) => operand?.id).join();
    const name = known.get(key) ?? pack(graph, names, match);
    known.set(key, name);
    const packed = graph.insert(attributeSpec(name, graph.parameters.get(name) as LinearPackedParams), result).output;
    const fused = graph.insert(
      {
        op: 'quantized::linear_dynamic',
        inputs: [x, packed],
        outputs: [{ type: result.output.type, hint: result.output.hint }],
        attrs: { scheme, reduceRange, activation: 0 },
        scope,
        note: 'quantized in the ONNX file',
      },
      result,
    );
    result.output.replaceUses(fused.output);
  }
  return graph;
}

interface OnnxLinear {
  readonly x: Value;
  readonly scheme: number;
  readonly reduceRange: 0 | 1;
  /** Weight codes [in, out], their scale, zero point (or null) and the bias (or null), all constant. */
  readonly operands: readonly [weight: Value, scale: Value, zeroPoint: Value | null, bias: Value | null];
  /** The node whose output the linear's is. */
  readonly result: Node;
  readonly scope: string;
}

function matchLinear(product: Node): OnnxLinear | undefined {
  const [, weight, , weightZero = null] = product.inputs;
  const dynamic = matchDynamicProduct(product);
  if (dynamic === undefined || !weight) return undefined;
  if (leafTensor(weight)?.raw.dims.length !== 2 || (weightZero && leafTensor(weightZero) === undefined))
    return undefined;
  const cast = dynamic.sums.onlyUser;
  if (cast?.op !== 'aten::to' || cast.attrs.dtype !== DTYPES.float32.code) return undefined;
  const scaled = cast.output.onlyUser;
  if (scaled?.op !== 'aten::mul') return undefined;
  const factor = other(scaled, cast.output).node;
  if (factor.op !== 'aten::mul' || !factor.inputs.includes(dynamic.scale)) return undefined;
  const scale = other(factor, dynamic.scale);
  const width = leafTensor(weight)?.raw.dims[1] as number;
  if (!isVector(scale, width) || (weightZero && !isVector(weightZero, width))) return undefined;
  const { scope } = product;
  const { x, scheme, reduceRange } = dynamic;
  const add = scaled.output.onlyUser;
  const bias = add?.op === 'aten::add' ? other(add, scaled.output) : undefined;
  if (add !== undefined && bias !== undefined && leafTensor(bias)?.raw.dims.join() === String(width)) {
    return { x, scheme, reduceRange, operands: [weight, scale, weightZero, bias], result: add, scope };
  }
  return { x, scheme, reduceRange, operands: [weight, scale, weightZero, null], result: scaled, scope };
}

/** The operand of a binary op that is not `value`. */
function other(node: Node, value: Value): Value {
  return node.input(node.input(0) === value ? 1 : 0);
}

/** One number for the weight, or one for each of its columns. */
function isVector(value: Value, width: number): boolean {
  const dims = leafTensor(value)?.raw.dims;
  return dims !== undefined && dims.length <= 1 && (dims.length === 0 || dims[0] === 1 || dims[0] === width);
}

function pack(graph: Graph, names: FreeNames, { operands, scope }: OnnxLinear): string {
  const [weight, scale, zeroPoint, bias] = operands;
  const name = names.find(scope === '' ? '_packed_params' : `${scope}._packed_params`);
  const tensor = leafTensor(weight) as Tensor;
  const values = bias && (leafTensor(bias) as Tensor);
  graph.parameters.set(
    name,
    new LinearPackedParams(
      transposedWeight(tensor, leafTensor(scale) as Tensor, zeroPoint && (leafTensor(zeroPoint) as Tensor)),
      values,
    ),
  );
  for (const leaf of [weight, bias]) if (leaf?.node.op === GET_ATTR) graph.frozen.set(attributeName(leaf.node), name);
  return name;
}
