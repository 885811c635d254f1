import type { QParams, Tensor } from '@octavo/core';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import { constantSpec, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { quantizerOf } from '../ir/quantizers.js';
import { leafQParams, staticQParams } from '../ir/static-qparams.js';
import { isStoredWeight, unsigned } from '../ir/stored-weight.js';
import type { Value } from '../ir/value.js';
import {
  activationsOf,
  type Codes,
  epilogueCode,
  importedOpOf,
  ownActivation,
  requantized,
  type StaticForm,
  type StaticOp,
  sameQParams,
  staticOpOf,
} from '../static/static-ops.js';
import { WeightPacker, weightQuantizer } from './pack-weight.js';

/**
 * quantize(op(dequantize(x), dequantize(quantize(weight)))) becomes one int8 op on codes, with a relu or relu6 between
 * them in its epilogue: `static-ops.ts` says which ops and how. A linear whose result is not quantized becomes
 * octavo::linear_quantized. What stays between codes and floats are the quantize nodes
 * at the entrances of int8 regions and the dequantize nodes at their exits.
 *
 * In graphs that other tools have quantized, any clamp may stand between an op and the codes, and the qparams behind an
 * op that moves codes may be others than before it: both are put right on codes, with the codes that the floats would
 * give.
 */
export function fuseStatic(graph: Graph): Graph {
  const packer = new WeightPacker(graph, new FreeNames(graph));
  for (const quantize of graph.nodes()) {
    if (quantizerOf(quantize) === undefined) continue;
    const y = staticQParams(quantize.output);
    if (y === undefined) continue;
    if (freeze(quantize, y, packer)) continue;
    const clamp = clampBehind(quantize, y);
    if (clamp !== undefined) freeze(clamp, y, packer);
  }
  for (const node of graph.nodes()) if (node.op === 'aten::linear') freezeFloatResult(node, packer);
  return graph;
}

/** Puts an int8 op in the place of `quantize` and the float op before it; false where there is none. */
function freeze(quantize: Node, y: QParams, packer: WeightPacker): boolean {
  const match = matchStatic(quantize.input(0), quantize);
  if (match === undefined) return false;
  const { node, op, activation } = match;
  const weight = op.kind === 'weighted' ? weightQuantizer(node) : undefined;
  if (op.kind === 'weighted' && weight === undefined) return false;
  const x = op.kind === 'inherited' ? inQParams(match, y) : match.x;
  if (x === undefined) return false;
  const packed = weight === undefined ? null : packer.pack(node, weight);
  replace(quantize, node, op.freeze({ node, x, y, activation, packed }));
  return true;
}

/**
 * quantize(clamp(x)) becomes clamp(quantize(x)) on codes, for any bounds: quantizing is monotone. Returns the quantize
 * node, which now stands behind x; undefined where a clamp is not all that stands between, or another reads its parts.
 */
function clampBehind(quantize: Node, y: QParams): Node | undefined {
  const { node: clamp } = quantize.input(0);
  const isRelu = clamp.op === 'aten::relu';
  if (quantize.op !== ONNX_QUANTIZE || (!isRelu && clamp.op !== 'aten::clamp')) return undefined;
  const x = clamp.input(0);
  if (clamp.output.onlyUser !== quantize || x.onlyUser !== clamp || matchOp(x.node, quantize) === undefined)
    return undefined;
  const { graph, scope, output } = quantize;
  const own = isRelu ? { xZeroPoint: y.zeroPoint } : { ...clamp.attrs, xScale: y.scale, xZeroPoint: y.zeroPoint };
  const clamped = graph.insert(
    {
      op: isRelu ? 'quantized::relu' : 'quantized::clamp',
      inputs: [output],
      outputs: [{ type: output.type, hint: output.hint }],
      attrs: own,
      scope,
    },
    quantize.next as Node,
  );
  output.replaceUses(clamped.output, clamped);
  quantize.setInput(0, x);
  clamp.remove();
  return quantize;
}

/** Operands in the qparams of the result; undefined where that would round twice. */
function inQParams({ node, op, x }: StaticMatch, y: QParams): [Codes, ...Codes[]] | undefined {
  const [first] = x;
  if (sameQParams(first, y) || op.rescales === 'itself') return x;
  return op.rescales === 'never' ? undefined : [{ ...y, value: requantized(node, first, y) }];
}

/** A linear of codes whose result stays float: octavo::linear_quantized over the codes and their one range. */
function freezeFloatResult(linear: Node, packer: WeightPacker): void {
  const x = codesOf(linear.input(0));
  const weight = weightQuantizer(linear);
  const range = x && rangeOf(linear.input(0).node);
  if (x === undefined || range === undefined || weight === undefined) return;
  const { type, hint } = linear.output;
  const frozen = linear.graph.insert(
    {
      op: 'octavo::linear_quantized',
      inputs: [x.value, ...range, packer.pack(linear, weight)],
      attrs: linear.attrs,
      scope: linear.scope,
      note: linear.note,
      outputs: [{ type, hint }],
    },
    linear,
  );
  linear.output.replaceUses(frozen.output);
  linear.remove();
}

/** The scale and zero point of dequantized codes, as operands: of the node that dequantizes, or the one that quantized. */
function rangeOf({ inputs }: Node): [Value, Value] | undefined {
  const [codes, scale, zeroPoint] = inputs as [Value, Value?, Value?];
  if (scale !== undefined && zeroPoint !== undefined) return [scale, zeroPoint];
  const quantize = codes.node;
  return quantize.op === 'aten::quantize_per_tensor' ? [quantize.input(1), quantize.input(2)] : undefined;
}

interface StaticMatch {
  readonly node: Node;
  readonly op: StaticOp;
  readonly x: [Codes, ...Codes[]];
  readonly activation: number;
}

/** The float op that makes a value which only `reader` reads, with an activation behind it that fits its epilogue. */
function matchStatic(value: Value, reader: Node): StaticMatch | undefined {
  if (value.onlyUser !== reader) return undefined;
  const { node } = value;
  const code = epilogueCode(node);
  if (code !== 0) {
    const before = node.input(0);
    const op = staticOpOf(before.node);
    const fits = op?.epilogue?.includes(code) === true && ownActivation(before.node) === 0;
    if (fits && before.onlyUser === node) return withOperands(before.node, op, code);
  }
  return matchOp(node, reader);
}

/** ONNX's quantize node: of a graph that another tool has quantized. */
const ONNX_QUANTIZE = 'octavo::quantize_linear';

function matchOp(node: Node, reader: Node): StaticMatch | undefined {
  const op = reader.op === ONNX_QUANTIZE ? importedOpOf(node) : staticOpOf(node);
  const own = ownActivation(node);
  return op === undefined || own === undefined ? undefined : withOperands(node, op, own);
}

function withOperands(node: Node, op: StaticOp, activation: number): StaticMatch | undefined {
  const x = activationsOf(node, op).map(codesOf);
  return x.includes(undefined) ? undefined : { node, op, x: x as [Codes, ...Codes[]], activation };
}

/** The codes that a value is dequantized from, where their qparams are known. */
function codesOf({ node }: Value): Codes | undefined {
  if (isStoredWeight(node)) return storedCodes(node);
  if (node.op !== 'aten::dequantize') return undefined;
  const [value, scale, zeroPoint] = node.inputs as [Value, Value?, Value?];
  const qparams: QParams | undefined = scale === undefined ? staticQParams(value) : leafQParams(scale, zeroPoint);
  return qparams && { value, ...qparams };
}

/** A constant that a file holds as codes, as an activation: uint8, as all activations are. */
function storedCodes(node: Node): Codes | undefined {
  const codes = leafTensor(node.input(0)) as Tensor;
  const qparams = leafQParams(node.inputs[1], node.inputs[2]);
  if (qparams === undefined) return undefined;
  const { output } = node.graph.insert(constantSpec(unsigned(codes)), node);
  return { value: output, scale: qparams.scale, zeroPoint: qparams.zeroPoint + (codes.type === 'int8' ? 128 : 0) };
}

/** Puts an int8 op in the place of `quantize`; the float op is dead from then on. */
function replace(quantize: Node, { scope, note }: Node, { op, inputs, attrs }: StaticForm): void {
  const { type, hint } = quantize.output;
  const frozen = quantize.graph.insert({ op, inputs, attrs, scope, note, outputs: [{ type, hint }] }, quantize);
  quantize.output.replaceUses(frozen.output);
  quantize.remove();
}
