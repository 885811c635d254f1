import {
  DTYPES,
  type DType,
  DYNAMIC_SCHEMES,
  dequantize,
  isOctavoError,
  OctavoError,
  QUANTIZED_DTYPES,
  type QuantizedDType,
  type QuantizedTensor,
  Tensor,
} from '@octavo/core';
import {
  dynamicLinearAttrs,
  isTableQConfig,
  type ObservedQParams,
  type Observer,
  packTable,
  quantizeWeight,
  quantizeWeightAs,
  tableBits,
} from '@octavo/observers';
import { replaceParameter } from '../improve/replace-parameter.js';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import { attributeName, attributeSpec, GET_ATTR, leafTensor } from '../ir/leaf-nodes.js';
import type { Node, NodeSpec } from '../ir/node.js';
import { OBSERVE, type ObserverSpec, observerName } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';
import { type ElementType, tensorType } from '../ir/value-type.js';
import { rememberCodes } from '../quantize/weight-codes.js';
import { unpackOp } from './quantized-tables.js';

/**
 * Replaces every observer by quantize and dequantize. A weight's scale and zero point become parameters beside it
 * (`fc.weight_scale`, `fc.weight_zero_point`), and so do those of an activation that was observed
 * (`layer1.0.relu_scale`); where the qconfig is a dynamic one, they are chosen at run time. Embedding tables are packed
 * and unpacked instead. Changes what the graph computes: from
 * here on it rounds as int8 does.
 */
export function replaceObservers(graph: Graph): Graph {
  const names = new FreeNames(graph);
  for (const node of graph.nodes()) {
    if (node.op !== OBSERVE) continue;
    const spec = graph.observers.get(observerName(node)) as ObserverSpec;
    if (spec.role === 'weight' && isTableQConfig(spec.qconfig)) {
      node.output.replaceUses(unpackedTable(graph, names, node, spec));
      node.remove();
      continue;
    }
    const codes =
      spec.role === 'weight'
        ? quantizedWeight(graph, names, node, spec)
        : spec.observer === undefined
          ? dynamicActivation(graph, node, spec)
          : staticActivation(graph, names, node, spec.observer);
    const dequantize = graph.insert(
      {
        op: 'aten::dequantize',
        inputs: [codes],
        outputs: [{ type: retyped(codes, 'float32'), hint: 'dequant' }],
      },
      node,
    );
    node.output.replaceUses(dequantize.output);
    node.remove();
  }
  return graph;
}

/** choose_qparams and quantize, per tensor or per row, for a value that is known at run time only. */
function dynamicActivation(graph: Graph, node: Node, { qconfig }: ObserverSpec): Value {
  const x = node.input(0);
  const { scheme, reduceRange } = dynamicLinearAttrs(qconfig);
  const perRow = scheme === DYNAMIC_SCHEMES.perRow;
  const [scale, zeroPoint] = graph.insert(
    {
      op: perRow ? 'octavo::choose_qparams_per_row' : 'aten::_choose_qparams_per_tensor',
      inputs: [x],
      outputs: [
        { type: tensorType('float32', rowDims(x, perRow)), hint: 'scale' },
        { type: tensorType('int32', rowDims(x, perRow)), hint: 'zero_point' },
      ],
      attrs: { reduceRange },
    },
    node,
  ).outputs as [Value, Value];
  return graph.insert(
    {
      op: perRow ? 'octavo::quantize_per_row' : 'aten::quantize_per_tensor',
      inputs: [x, scale, zeroPoint],
      outputs: [{ type: retyped(x, 'quint8'), hint: 'quant' }],
      attrs: perRow ? {} : { dtype: DTYPES.uint8.code },
    },
    node,
  ).output;
}

/** quantize by what an observer has seen. */
function staticActivation(graph: Graph, names: FreeNames, node: Node, observer: Observer): Value {
  const x = node.input(0);
  const name = activationName(x);
  const { dtype, scales, zeroPoints } = observedQParams(observer, name);
  const parameter = parameterMaker(graph, names, node, name);
  return graph.insert(
    {
      op: 'aten::quantize_per_tensor',
      inputs: [
        x,
        parameter('scale', new Tensor('float32', scales, [1])),
        parameter('zero_point', new Tensor('int32', zeroPoints as Int32Array, [1])),
      ],
      outputs: [{ type: retyped(x, dtype as QuantizedDType), hint: 'quant' }],
      attrs: { dtype: DTYPES[QUANTIZED_DTYPES[dtype as QuantizedDType].storage].code },
    },
    node,
  ).output;
}

/** What an activation's parameters are named after: the module that makes it, or the input. */
function activationName(value: Value): string {
  if (value.isInput) return value.hint;
  const { scope, op } = value.node;
  return scope === '' ? op.slice(op.indexOf('::') + 2) : scope;
}

function observedQParams(observer: Observer, name: string): ObservedQParams {
  if (observer.isEmpty) {
    throw new OctavoError(
      'NOT_CALIBRATED',
      `[convert] the observer of '${name}' has seen no data; calibrate(prepared, batches) before convert, with inputs that ` +
        'reach this part of the model',
      { details: { activation: name } },
    );
  }
  return observer.calculateQParams();
}

/** Makes parameters `<name>_<suffix>` and the nodes that read them. */
function parameterMaker(graph: Graph, names: FreeNames, before: Node, name: string) {
  return (suffix: string, tensor: Tensor): Value => {
    const free = names.find(`${name}_${suffix}`);
    graph.parameters.set(free, tensor);
    return graph.insert(attributeSpec(free, tensor), before).output;
  };
}

/** Runs the weight's observer now and quantizes by what it found. */
function quantizedWeight(graph: Graph, names: FreeNames, node: Node, spec: ObserverSpec): Value {
  const value = node.input(0);
  const name = value.node.op === GET_ATTR ? attributeName(value.node) : `constant_${value.id}`;
  const codes = spec.codes ?? observedWeight(leafTensor(value) as Tensor, name, spec);
  // Codes that are not the nearest need a weight that rounds to them.
  if (spec.codes !== undefined || spec.qconfig.keepKernelSums === true) replaceParameter(node, 0, dequantize(codes));
  const weight = leafTensor(node.input(0)) as Tensor;
  const { scales, zeroPoints, axis, dtype } = codes;
  const scale = new Tensor('float32', scales, [scales.length]);
  rememberCodes(weight, scale, codes);
  const parameter = parameterMaker(graph, names, node, name);
  const qparams = [
    parameter('scale', scale),
    parameter('zero_point', new Tensor('int32', zeroPoints, [zeroPoints.length])),
  ];
  const storage: DType = QUANTIZED_DTYPES[dtype].storage;
  const quantize: NodeSpec = {
    op: axis === null ? 'aten::quantize_per_tensor' : 'aten::quantize_per_channel',
    inputs: [node.input(0), ...qparams],
    outputs: [{ type: retyped(value, dtype), hint: 'quant' }],
    attrs: { ...(axis === null ? {} : { axis }), dtype: DTYPES[storage].code },
  };
  return graph.insert(quantize, node).output;
}

/** Packs an embedding table now; its values come back from the packed rows. */
function unpackedTable(graph: Graph, names: FreeNames, node: Node, { qconfig }: ObserverSpec): Value {
  const value = node.input(0);
  const name = value.node.op === GET_ATTR ? attributeName(value.node) : `constant_${value.id}`;
  const packed = named(name, () => packTable(leafTensor(value) as Tensor, qconfig));
  const owner = name.slice(0, name.lastIndexOf('.') + 1);
  const free = names.find(`${owner}_packed_weight`);
  graph.parameters.set(free, packed);
  graph.frozen.set(name, free);
  const inputs = [graph.insert(attributeSpec(free, packed), node).output];
  const outputs = [{ type: value.type, hint: 'table' }];
  return graph.insert({ op: unpackOp(tableBits(qconfig)), inputs, outputs }, node).output;
}

/** By what its fake quantizer has seen in training, or by an observer that sees it now. */
function observedWeight(weight: Tensor, name: string, { qconfig, observer }: ObserverSpec): QuantizedTensor {
  const qparams = observer && observedQParams(observer, name);
  return named(name, () => (qparams ? quantizeWeightAs(weight, qparams) : quantizeWeight(weight, qconfig)));
}

/** Does `work`; its errors say which parameter they are about. */
function named<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isOctavoError(error)) throw error;
    throw new OctavoError(error.code, `${name}: ${error.message}`, { cause: error, details: { parameter: name } });
  }
}

function retyped({ type }: Value, dtype: ElementType) {
  return tensorType(dtype, type.kind === 'tensor' ? type.dims : null);
}

/** Dims of an activation's scales: one, or one a row. */
function rowDims({ type }: Value, perRow: boolean): number[] | null {
  if (!perRow) return [1];
  if (type.kind !== 'tensor' || type.dims === null) return null;
  return [type.dims.slice(0, -1).reduce((rows, dim) => rows * dim, 1)];
}
