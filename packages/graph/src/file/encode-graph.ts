import { ConvPackedParams, isPackedParams, OctavoError, type PackedParams, Tensor } from '@octavo/core';
import type { QuantizedFileContent } from '@octavo/core/node';
import type { AttributeValue } from '../ir/attributes.js';
import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import type { ValueType } from '../ir/value-type.js';
import {
  type AttributeJSON,
  type ConvJSON,
  GRAPH_KEY,
  type GraphJSON,
  type NodeJSON,
  type NumberJSON,
  type ParameterJSON,
  type TypeJSON,
  type ValueJSON,
} from './graph-json.js';
import { opVersion } from './op-versions.js';

/** A graph as the tensors and texts of a quantized model's file. Each tensor is stored once, whatever reads it. */
export function encodeGraph(graph: Graph): QuantizedFileContent {
  if (graph.stage === 'prepared') {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      '[saveGraph] a prepared graph holds observers, which no file keeps; convert it first',
    );
  }
  const tensors = new TensorStore();
  const parameters = [...graph.parameters].map(([name, operand]): [string, ParameterJSON] => [
    name,
    isPackedParams(operand) ? packedJSON(name, operand, tensors) : { tensor: tensors.add(name, operand) },
  ]);
  const nodes = [...graph.nodes()];
  const json: GraphJSON = {
    name: graph.name,
    stage: graph.stage,
    fixedBy: graph.fixedBy,
    ops: Object.fromEntries(nodes.map(({ op }) => [op, opVersion(op)])),
    modules: Object.fromEntries(graph.modules),
    parameters: Object.fromEntries(parameters),
    frozen: Object.fromEntries(graph.frozen),
    inputs: graph.inputs.map(valueJSON),
    nodes: nodes.map((node) => nodeJSON(node, tensors)),
    outputs: graph.outputs.map(({ name, value }) => ({ name, value: value.id })),
  };
  return { tensors: Object.fromEntries(tensors.byName), metadata: { [GRAPH_KEY]: JSON.stringify(json) } };
}

/** The file's tensors: one name for each, the wanted one or that with a number behind. */
class TensorStore {
  readonly byName = new Map<string, Tensor>();
  private readonly names = new Map<Tensor, string>();
  // Where the search for a name left off: thousands of tensors may want the same one.
  private readonly counts = new Map<string, number>();

  add(wanted: string, tensor: Tensor): string {
    const known = this.names.get(tensor);
    if (known !== undefined) return known;
    let count = this.counts.get(wanted) ?? 0;
    let name = count === 0 ? wanted : `${wanted}_${count}`;
    while (this.byName.has(name)) name = `${wanted}_${++count}`;
    this.counts.set(wanted, count);
    this.byName.set(name, tensor);
    this.names.set(tensor, name);
    return name;
  }
}

function packedJSON(name: string, packed: PackedParams, tensors: TensorStore): ParameterJSON {
  const { weight, bias } = packed;
  return {
    weight: tensors.add(`${name}.weight`, weight.values),
    scales: tensors.add(`${name}.scales`, new Tensor('float32', weight.scales, [weight.scales.length])),
    zeroPoints: tensors.add(`${name}.zero_points`, new Tensor('int32', weight.zeroPoints, [weight.zeroPoints.length])),
    axis: weight.axis,
    bias: bias === null ? null : tensors.add(`${name}.bias`, bias),
    ...(ConvPackedParams.is(packed) && { conv: convJSON(packed) }),
  };
}

function convJSON({ stride, padding, dilation, groups, transposed, outputPadding }: ConvPackedParams): ConvJSON {
  return { stride, padding, dilation, groups, transposed, outputPadding };
}

function nodeJSON({ id, op, inputs, outputs, attrs, scope, note }: Node, tensors: TensorStore): NodeJSON {
  const attributes = Object.entries(attrs).map(([name, value]) => [
    name,
    attributeJSON(value, `constant.${id}`, tensors),
  ]);
  return {
    id,
    op,
    in: inputs.map((input) => input?.id ?? null),
    out: outputs.map(valueJSON),
    ...(attributes.length > 0 && { attrs: Object.fromEntries(attributes) }),
    ...(scope !== '' && { scope }),
    ...(note !== '' && { note }),
  };
}

function valueJSON({ id, type, hint }: Value): ValueJSON {
  return { id, type: typeJSON(type), ...(hint !== '' && { hint }) };
}

function typeJSON(type: ValueType): TypeJSON {
  return type.kind === 'packed' ? (type.convRank ?? null) : [type.dtype, type.dims];
}

function attributeJSON(value: AttributeValue, constant: string, tensors: TensorStore): AttributeJSON {
  if (typeof value === 'string') return value;
  if (Tensor.is(value)) return { tensor: tensors.add(constant, value) };
  return typeof value === 'number' ? numberJSON(value) : value.map(numberJSON);
}

function numberJSON(value: number): NumberJSON {
  return Number.isFinite(value) && !Object.is(value, -0)
    ? value
    : { number: Object.is(value, -0) ? '-0' : String(value) };
}
