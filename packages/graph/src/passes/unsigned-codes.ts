import { DTYPES, PER_TENSOR, Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { constantSpec, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { leafQParams } from '../ir/static-qparams.js';
import { unsigned } from '../ir/stored-weight.js';
import type { Value } from '../ir/value.js';
import { tensorType } from '../ir/value-type.js';
import { ADD_LINEAR } from './fuse-onnx-add.js';

const QUANTIZE = 'octavo::quantize_linear';
const DEQUANTIZE = 'octavo::dequantize_linear';

/** Ops that give codes of the qparams that went in, whatever the codes are. */
const MOVES: ReadonlySet<string> = new Set([
  ...['cat', 'expand', 'permute', 'repeat', 'reshape', 'select', 'slice', 'squeeze', 'unsqueeze'].map(
    (name) => `aten::${name}`,
  ),
  'octavo::flatten_to_matrix',
  'quantized::max_pool2d',
]);

/**
 * Codes of activations between ONNX's quantize and dequantize nodes, with one constant scale, as static int8 ops take
 * them: uint8 with qparams of their own (`quint8`), and `aten::dequantize` where they become floats. Codes of int8 gain
 * 128, and so do their zero points: the same numbers. What is not such a pair stays as it is.
 */
export function unsignedCodes(graph: Graph): Graph {
  const twins = new Map<Value, Value>();
  for (const node of graph.nodes()) {
    if (node.op !== DEQUANTIZE || leafTensor(node.input(0)) !== undefined) continue;
    const qparams = leafQParams(node.inputs[1], node.inputs[2]);
    const codes = qparams && unsignedTwin(node.input(0), twins);
    if (qparams === undefined || codes === undefined) continue;
    const zeroPoint = qparams.zeroPoint + (isSigned(node.input(0)) ? 128 : 0);
    const [scale, zero] = [
      new Tensor('float32', Float32Array.of(qparams.scale), [1]),
      new Tensor('int32', Int32Array.of(zeroPoint), [1]),
    ].map((tensor) => graph.insert(constantSpec(tensor), node).output) as [Value, Value];
    const { type, hint } = node.output;
    const floats = graph.insert(
      {
        op: 'aten::dequantize',
        inputs: [codes, scale, zero],
        outputs: [{ type, hint }],
        attrs: { axis: PER_TENSOR },
        scope: node.scope,
      },
      node,
    );
    node.output.replaceUses(floats.output);
    node.remove();
  }
  return graph;
}

/** Attributes of a sum of codes that all lie 128 higher. */
function raised(attrs: Node['attrs']): Node['attrs'] {
  const zeroPoints = ['aZeroPoint', 'bZeroPoint', 'zeroPoint'].map((name) => [name, (attrs[name] as number) + 128]);
  return { ...attrs, ...Object.fromEntries(zeroPoints), shift: 128 };
}

/** The same codes as quint8, made behind the node that makes them; undefined where they come from elsewhere. */
function unsignedTwin(value: Value, twins: Map<Value, Value>): Value | undefined {
  const known = twins.get(value);
  if (known !== undefined) return known;
  const twin = value.node.op === QUANTIZE ? quantizedTwin(value) : movedTwin(value, twins);
  if (twin !== undefined) twins.set(value, twin);
  return twin;
}

function quantizedTwin(value: Value): Value | undefined {
  const { node } = value;
  const qparams = leafQParams(node.inputs[1], node.inputs[2]);
  const x = node.input(0);
  if (qparams === undefined || x.type.kind !== 'tensor' || x.type.dtype !== 'float32') return undefined;
  const zeroPoint = qparams.zeroPoint + (isSigned(value) ? 128 : 0);
  const [scale, zero] = [
    new Tensor('float32', Float32Array.of(qparams.scale), [1]),
    new Tensor('uint8', Uint8Array.of(zeroPoint), [1]),
  ].map((tensor) => node.graph.insert(constantSpec(tensor), node).output) as [Value, Value];
  return twinOf(value, [x, scale, zero], { ...node.attrs, dtype: DTYPES.uint8.code });
}

/** Codes that were only moved or added since; of uint8, what makes them need not be known. */
function movedTwin(value: Value, twins: Map<Value, Value>): Value | undefined {
  const { node } = value;
  const isSum = node.op === ADD_LINEAR;
  if (!isSum && !MOVES.has(node.op)) return isSigned(value) ? undefined : value;
  const inputs = node.inputs.map((input) => input && (constantTwin(input) ?? unsignedTwin(input, twins)));
  if (inputs.includes(undefined)) return undefined;
  return twinOf(value, inputs as (Value | null)[], isSum && isSigned(value) ? raised(node.attrs) : node.attrs);
}

/** Constant codes as uint8. */
function constantTwin(value: Value): Value | undefined {
  const tensor = leafTensor(value);
  return tensor && value.node.graph.insert(constantSpec(unsigned(tensor)), value.node).output;
}

/** A node like that of a value, over other operands, in its place for all who read codes of uint8. */
function twinOf(value: Value, inputs: readonly (Value | null)[], attrs: Node['attrs']): Value {
  const { node, type, hint } = value;
  const dims = type.kind === 'tensor' ? type.dims : null;
  const { output } = node.graph.insert(
    { op: node.op, inputs, attrs, outputs: [{ type: tensorType('quint8', dims), hint }], scope: node.scope },
    node.next as Node,
  );
  if (!isSigned(value)) value.replaceUses(output);
  return output;
}

function isSigned({ type }: Value): boolean {
  return type.kind === 'tensor' && type.dtype === 'int8';
}
