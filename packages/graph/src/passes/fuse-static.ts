import type { QParams } from '@octavo/core';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import { quantizerOf } from '../ir/quantizers.js';
import { staticQParams } from '../ir/static-qparams.js';
import type { Value } from '../ir/value.js';
import {
  activationsOf,
  type Codes,
  epilogueCode,
  ownActivation,
  type StaticForm,
  type StaticOp,
  staticOpOf,
} from '../static/static-ops.js';
import { WeightPacker, weightQuantizer } from './pack-weight.js';

/**
 * quantize(op(dequantize(x), dequantize(quantize(weight)))) becomes one int8 op on codes, with a relu or relu6 between
 * them in its epilogue: `static-ops.ts` says which ops and how. A linear whose result is not quantized becomes
 * octavo::linear_quantized. What stays between codes and floats are the quantize nodes
 * at the entrances of int8 regions and the dequantize nodes at their exits.
 */
export function fuseStatic(graph: Graph): Graph {
  const packer = new WeightPacker(graph, new FreeNames(graph));
  for (const quantize of graph.nodes()) {
    if (quantizerOf(quantize) === undefined) continue;
    const y = staticQParams(quantize.output);
    const match = y && matchStatic(quantize.input(0), quantize);
    if (match === undefined || y === undefined) continue;
    const { node, op, x, activation } = match;
    const weight = op.kind === 'weighted' ? weightQuantizer(node) : undefined;
    if (op.kind === 'weighted' && weight === undefined) continue;
    const packed = weight === undefined ? null : packer.pack(node, weight);
    replace(quantize, node, op.freeze({ node, x, y, activation, packed }));
  }
  for (const node of graph.nodes()) if (node.op === 'aten::linear') freezeFloatResult(node, packer);
  return graph;
}

/** A linear of codes whose result stays float: octavo::linear_quantized over the codes and their one range. */
function freezeFloatResult(linear: Node, packer: WeightPacker): void {
  const x = codesOf(linear.input(0));
  const quantize = x?.value.node;
  const weight = weightQuantizer(linear);
  if (x === undefined || quantize?.op !== 'aten::quantize_per_tensor' || weight === undefined) return;
  const { type, hint } = linear.output;
  const frozen = linear.graph.insert(
    {
      op: 'octavo::linear_quantized',
      inputs: [x.value, quantize.input(1), quantize.input(2), packer.pack(linear, weight)],
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
  const op = staticOpOf(node);
  const own = ownActivation(node);
  return op === undefined || own === undefined ? undefined : withOperands(node, op, own);
}

function withOperands(node: Node, op: StaticOp, activation: number): StaticMatch | undefined {
  const x = activationsOf(node, op).map(codesOf);
  return x.includes(undefined) ? undefined : { node, op, x: x as [Codes, ...Codes[]], activation };
}

/** The codes that a value is dequantized from, where their qparams are known. */
function codesOf({ node }: Value): Codes | undefined {
  if (node.op !== 'aten::dequantize') return undefined;
  const value = node.input(0);
  const qparams: QParams | undefined = staticQParams(value);
  return qparams && { value, ...qparams };
}

/** Puts an int8 op in the place of `quantize`; the float op is dead from then on. */
function replace(quantize: Node, { scope, note }: Node, { op, inputs, attrs }: StaticForm): void {
  const { type, hint } = quantize.output;
  const frozen = quantize.graph.insert({ op, inputs, attrs, scope, note, outputs: [{ type, hint }] }, quantize);
  quantize.output.replaceUses(frozen.output);
  quantize.remove();
}
