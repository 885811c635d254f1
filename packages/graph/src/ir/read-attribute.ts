import { didYouMean, formatDims, OctavoError, Tensor } from '@octavo/core';
import type { Graph } from './graph.js';
import { attributeName, GET_ATTR, leafTensor } from './leaf-nodes.js';
import type { Node } from './node.js';
import { quantizerOf } from './quantizers.js';

/** A parameter's tensor; with the qparams of its quantize node where a debug graph quantizes it. */
export type AttributeTensor = Tensor & {
  readonly scale?: number | Float32Array;
  readonly zeroPoint?: number | Int32Array;
  /** Null for one scale for the tensor, else the axis that scales lie along. */
  readonly axis?: number | null;
};

/** The float tensor of a qualified name; see `Graph.get`. */
export function readAttribute(graph: Graph, name: string): AttributeTensor {
  const operand = graph.parameters.get(name);
  if (Tensor.is(operand)) return withQParams(operand, quantizeNodeOf(graph, name));
  if (operand !== undefined || graph.frozen.has(name)) {
    const packed = graph.frozen.get(name) ?? name;
    throw new OctavoError(
      'FROZEN',
      `'${name}' is frozen and packed (in ${packed}); convert with { debug: true } to read weights`,
      { details: { name, packed } },
    );
  }
  const known = [...graph.parameters.keys(), ...graph.frozen.keys()];
  throw new OctavoError('UNKNOWN_NAME', `this graph has no parameter '${name}'${didYouMean(name, known)}`, {
    details: { name },
  });
}

/** Refuses what cannot stand where a parameter stood. */
export function checkReplacement(name: string, { type, raw }: Tensor, tensor: Tensor): void {
  if (Tensor.is(tensor) && tensor.type === type && tensor.raw.dims.join() === raw.dims.join()) return;
  const got = Tensor.is(tensor) ? `${tensor.type} ${formatDims(tensor.raw.dims)}` : typeof tensor;
  throw new OctavoError('INVALID_SHAPE', `[set] '${name}' is ${type} ${formatDims(raw.dims)}, got ${got}`, {
    details: { name },
  });
}

/** The node that quantizes a parameter, if one does. */
function quantizeNodeOf(graph: Graph, name: string): Node | undefined {
  for (const node of graph.nodes()) {
    if (node.op !== GET_ATTR || attributeName(node) !== name) continue;
    for (const use of node.output.uses) if (use.index === 0 && quantizerOf(use.node) !== undefined) return use.node;
  }
  return undefined;
}

/** A tensor over the same data that also carries `scale`, `zeroPoint` and `axis`. */
function withQParams(tensor: Tensor, quantize: Node | undefined): AttributeTensor {
  const scales = quantize && leafTensor(quantize.input(1))?.raw.data;
  const zeroPoints = quantize && leafTensor(quantize.input(2))?.raw.data;
  if (quantize === undefined || !(scales instanceof Float32Array) || !(zeroPoints instanceof Int32Array)) return tensor;
  const axis = quantizerOf(quantize)?.axis(quantize) ?? null;
  const qparams = axis === null ? [scales[0], zeroPoints[0]] : [scales, zeroPoints];
  return Object.defineProperties(new Tensor(tensor.type, tensor.raw.data, tensor.raw.dims), {
    scale: { value: qparams[0], enumerable: true },
    zeroPoint: { value: qparams[1], enumerable: true },
    axis: { value: axis, enumerable: true },
  }) as AttributeTensor;
}
