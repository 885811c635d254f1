import {
  type Attrs,
  ConvPackedParams,
  dispatch,
  isOctavoError,
  LinearPackedParams,
  OctavoError,
  opByName,
  type PackedParams,
  QUANTIZED_DTYPES,
  type QuantizedDType,
  QuantizedTensor,
  type Tensor,
} from '@octavo/core';
import type { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import { attributeName, attributeSpec, GET_ATTR, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { quantizerOf } from '../ir/quantizers.js';
import { isStoredWeight, storedWeight, storedWeightAxis } from '../ir/stored-weight.js';
import type { Value } from '../ir/value.js';
import { rememberedCodes } from '../quantize/weight-codes.js';

/** How the weights of each float op are packed. */
const PACKERS: Readonly<Record<string, (weight: QuantizedTensor, bias: Tensor | null, node: Node) => PackedParams>> = {
  'aten::linear': (weight, bias) => new LinearPackedParams(weight, bias),
  'aten::lstm_layer': (weight, bias) => new LinearPackedParams(weight, bias),
  'aten::gru_layer': (weight, bias) => new LinearPackedParams(weight, bias),
  'aten::rnn_tanh_layer': (weight, bias) => new LinearPackedParams(weight, bias),
  'aten::rnn_relu_layer': (weight, bias) => new LinearPackedParams(weight, bias),
  'aten::conv': (weight, bias, node) => new ConvPackedParams(weight, bias, convOptions(node)),
  'aten::conv_transpose': (weight, bias, node) =>
    new ConvPackedParams(weight, bias, { ...convOptions(node), transposed: true }),
};

/**
 * Packs quantized weights as parameters of a graph: once for each weight, bias and geometry. A packed weight takes the
 * place of its float weight and bias, which `graph.get` then reports as frozen.
 */
export class WeightPacker {
  private readonly packed = new Map<string, string>();

  constructor(
    private readonly graph: Graph,
    private readonly names: FreeNames,
  ) {}

  /** A weight and bias of a float op, packed: `quantize` is the node that quantizes the weight. A leaf before the op. */
  pack(node: Node, quantize: Node, bias: Value | null = node.inputs[2] ?? null): Value {
    const { graph, packed } = this;
    const geometry = node.op.startsWith('aten::conv') ? JSON.stringify(node.attrs) : '';
    const key = `${node.op} ${quantize.id} ${bias?.id ?? '-'} ${geometry}`;
    const name = packed.get(key) ?? this.make(node, quantize, bias);
    packed.set(key, name);
    return graph.insert(attributeSpec(name, graph.parameters.get(name) as PackedParams), node).output;
  }

  private make(node: Node, quantize: Node, bias: Value | null): string {
    const { graph, names } = this;
    const source = quantize.input(0).node;
    const weightName = source.op === GET_ATTR ? attributeName(source) : undefined;
    const owner = weightName === undefined ? node.scope : weightName.slice(0, Math.max(weightName.lastIndexOf('.'), 0));
    const name = names.find(owner === '' ? '_packed_params' : `${owner}._packed_params`);
    graph.parameters.set(name, packedParams(node, quantize, bias, weightName ?? owner));
    for (const leaf of [source, bias?.node]) if (leaf?.op === GET_ATTR) graph.frozen.set(attributeName(leaf), name);
    return name;
  }
}

/**
 * The node that quantizes the weight of a float op by constants, or that holds it as codes, where its bias is constant
 * too; else undefined.
 */
export function weightQuantizer(node: Node, weightAt = 1, biasAt = 2): Node | undefined {
  const quantize = quantizeBehind(node.input(weightAt)) ?? storedBehind(node, weightAt);
  if (quantize === undefined) return undefined;
  const bias = node.inputs[biasAt];
  const constant = [...quantize.inputs, ...(bias ? [bias] : [])];
  return constant.every((value) => value !== null && leafTensor(value) !== undefined) ? quantize : undefined;
}

/** The quantize node that a value is the dequantized output of. */
export function quantizeBehind({ node }: Value): Node | undefined {
  if (node.op !== 'aten::dequantize') return undefined;
  const producer = node.input(0).node;
  return quantizerOf(producer) === undefined ? undefined : producer;
}

/** The stored weight of a float op, where its scales lie as the packed form has them. */
function storedBehind(node: Node, weightAt: number): Node | undefined {
  const { node: weight } = node.input(weightAt);
  if (!isStoredWeight(weight)) return undefined;
  return isPackedAxis(node, storedWeightAxis(weight)) ? weight : undefined;
}

/** Whether a float op's weight packs with scales along an axis, null for one scale: that of its outputs. */
export function isPackedAxis({ op, attrs }: Node, axis: number | null): boolean {
  if (op !== 'aten::conv_transpose') return axis === null || axis === 0;
  // Of several groups each channel of the axis stands for one output of every group.
  return axis === null || (axis === 1 && (attrs.groups ?? 1) === 1);
}

function convOptions({ attrs }: Node) {
  const { stride, padding, dilation, groups, outputPadding } = attrs as Record<string, never>;
  return { stride, padding, dilation, groups, ...(outputPadding !== undefined && { outputPadding }) };
}

function packedParams(node: Node, quantize: Node, bias: Value | null, name: string): PackedParams {
  try {
    const pack = PACKERS[node.op] as (typeof PACKERS)[string];
    // With a scale for each channel an int32 bias comes back exact in the requantization (docs/numerics.md).
    const weight = isStoredWeight(quantize)
      ? storedWeight(quantize, node.op !== 'aten::conv_transpose')
      : codesOf(quantize);
    return pack(weight, bias === null ? null : (leafTensor(bias) ?? null), node);
  } catch (error) {
    if (!isOctavoError(error)) throw error;
    throw new OctavoError(error.code, `${name}: ${error.message}`, { cause: error, details: { parameter: name } });
  }
}

/** What a quantize node of constants gives. */
export function codesOf(quantize: Node): QuantizedTensor {
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
