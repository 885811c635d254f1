import {
  type Attrs,
  DYNAMIC_SCHEMES,
  type DynamicScheme,
  dispatch,
  isOctavoError,
  LinearPackedParams,
  OctavoError,
  opByName,
  QUANTIZED_DTYPES,
  type QuantizedDType,
  QuantizedTensor,
  type Tensor,
} from '@octavo/core';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import { attributeName, attributeSpec, GET_ATTR, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { quantizerOf } from '../ir/quantizers.js';
import type { Value } from '../ir/value.js';
import { rememberedCodes } from '../quantize/weight-codes.js';

/** The ops that choose an activation's range at run time, with the scheme that the fused op then has. */
const CHOOSE_OPS: Readonly<Record<string, DynamicScheme>> = {
  'aten::_choose_qparams_per_tensor': 'perTensor',
  'octavo::choose_qparams_per_row': 'perRow',
};

/**
 * linear(dequantize(quantize(x, choose_qparams(x))), dequantize(quantize(weight)), bias) becomes
 * quantized::linear_dynamic(x, packed): int8 products instead of their float emulation. The packed weight takes the
 * place of the float weight and bias, which `graph.get` then reports as frozen.
 */
export function fuseLinearDynamic(graph: Graph): Graph {
  const packed = new Map<string, string>();
  const names = new FreeNames(graph);
  for (const node of graph.nodes()) {
    const match = node.op === 'aten::linear' ? matchDynamicLinear(node) : undefined;
    if (match === undefined) continue;
    const bias = node.inputs[2] ?? null;
    const key = `${match.weight.id} ${bias?.id ?? '-'}`;
    const name = packed.get(key) ?? packWeight(graph, names, node, match.weight, bias);
    packed.set(key, name);
    const operand = graph.insert(attributeSpec(name, graph.parameters.get(name) as LinearPackedParams), node).output;
    const fused = graph.insert(
      {
        op: 'quantized::linear_dynamic',
        inputs: [match.x, operand],
        outputs: [{ type: node.output.type, hint: node.output.hint }],
        attrs: { scheme: DYNAMIC_SCHEMES[match.scheme], reduceRange: match.reduceRange, ...node.attrs },
        scope: node.scope,
        note: node.note,
      },
      node,
    );
    node.output.replaceUses(fused.output);
    node.remove();
  }
  return graph;
}

interface DynamicLinear {
  readonly x: Value;
  readonly scheme: DynamicScheme;
  readonly reduceRange: number;
  /** The node that quantizes the weight. */
  readonly weight: Node;
}

function matchDynamicLinear(linear: Node): DynamicLinear | undefined {
  const activation = quantizeBehind(linear.input(0));
  const weight = quantizeBehind(linear.input(1));
  if (activation === undefined || weight === undefined) return undefined;
  const x = activation.input(0);
  const choose = activation.input(1).node;
  const scheme = Object.hasOwn(CHOOSE_OPS, choose.op) ? CHOOSE_OPS[choose.op] : undefined;
  if (scheme === undefined || choose.input(0) !== x || activation.input(2).node !== choose) return undefined;
  const bias = linear.inputs[2];
  const constant = [weight.input(0), weight.input(1), weight.input(2), ...(bias ? [bias] : [])];
  if (constant.some((value) => leafTensor(value) === undefined)) return undefined;
  return { x, scheme, reduceRange: (choose.attrs.reduceRange as number | undefined) ?? 0, weight };
}

/** The quantize node that a value is the dequantized output of. */
function quantizeBehind({ node }: Value): Node | undefined {
  if (node.op !== 'aten::dequantize') return undefined;
  const producer = node.input(0).node;
  return quantizerOf(producer) === undefined ? undefined : producer;
}

/** Packs a weight and bias as a new parameter and returns its name. */
function packWeight(graph: Graph, names: FreeNames, linear: Node, quantize: Node, bias: Value | null): string {
  const source = quantize.input(0).node;
  const weightName = source.op === GET_ATTR ? attributeName(source) : undefined;
  const owner = weightName === undefined ? linear.scope : weightName.slice(0, Math.max(weightName.lastIndexOf('.'), 0));
  const name = names.find(owner === '' ? '_packed_params' : `${owner}._packed_params`);
  graph.parameters.set(name, packedParams(quantize, bias, weightName ?? owner));
  for (const leaf of [source, bias?.node]) if (leaf?.op === GET_ATTR) graph.frozen.set(attributeName(leaf), name);
  return name;
}

function packedParams(quantize: Node, bias: Value | null, name: string): LinearPackedParams {
  try {
    return new LinearPackedParams(codesOf(quantize), bias === null ? null : (leafTensor(bias) ?? null));
  } catch (error) {
    if (!isOctavoError(error)) throw error;
    throw new OctavoError(error.code, `${name}: ${error.message}`, { cause: error, details: { parameter: name } });
  }
}

/** What a quantize node of constants gives. */
function codesOf(quantize: Node): QuantizedTensor {
  const [x, scale, zeroPoint] = quantize.inputs.map((input) => leafTensor(input as Value)) as [Tensor, Tensor, Tensor];
  const known = rememberedCodes(x, scale);
  if (known !== undefined) return known;
  const [values] = dispatch(opByName(quantize.op), [x, scale, zeroPoint], quantize.attrs as Attrs) as [Tensor];
  const dtype = (Object.keys(QUANTIZED_DTYPES) as QuantizedDType[]).find(
    (q) => QUANTIZED_DTYPES[q].storage === values.type,
  );
  return new QuantizedTensor(dtype as QuantizedDType, values, {
    scales: scale.raw.data as Float32Array,
    zeroPoints: zeroPoint.raw.data as Int32Array,
    axis: quantizerOf(quantize)?.axis(quantize) ?? null,
  });
}
