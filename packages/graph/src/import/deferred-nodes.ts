import type { DType } from '@octavo/core';
import type { Attributes } from '../ir/attributes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { ONNX_RULES } from '../onnx/rules/index.js';
import type { Dim, Facts } from './facts.js';
import type { GraphBuilder } from './graph-builder.js';
import type { ForeignNode, Rule } from './rule.js';

// Nodes of a foreign format that stay in a graph, because what they do depends on numbers that only a run knows: the
// elements of a shape, most of all. `onnx::Reshape` is one. They print, save and load like any other node; a run replaces
// them (`run/specialise.ts`).

/** Rules by the format in front of an op's name. */
const FORMATS: Readonly<Record<string, Readonly<Record<string, Rule>>>> = { onnx: ONNX_RULES };

/** Picks one of two values by a condition: prim::If(condition, then, else). */
export const IF = 'prim::If';

/** The rule of a node that was put off, or undefined for any other. */
export function deferredRule(op: string): Rule | undefined {
  const at = op.indexOf('::');
  const rules = Object.hasOwn(FORMATS, op.slice(0, at)) ? FORMATS[op.slice(0, at)] : undefined;
  const name = op.slice(at + 2);
  return rules !== undefined && Object.hasOwn(rules, name) ? rules[name] : undefined;
}

/** True for a node that a run has to replace. */
export function isDeferred(op: string): boolean {
  return op === IF || deferredRule(op) !== undefined;
}

/** Puts a node off: it keeps its attributes, its name and the version of its operator set. */
export function defer(builder: GraphBuilder, format: string, node: ForeignNode): readonly Value[] {
  const attrs: Attributes = { ...node.attrs, opset: node.version, node: node.label };
  const facts = Array.from(
    { length: node.outputs },
    (_, i): Facts => ({
      dtype: dtypeOf(builder, node, i),
      dims: dimsOf(builder, node),
    }),
  );
  return builder.insert(`${format}::${node.op}`, node.inputs, attrs, facts);
}

/** The node that was put off, as its rule wants it. */
export function foreignNode({ op, attrs, outputs }: Node, inputs: readonly (Value | null)[]): ForeignNode {
  const { opset, node, ...own } = attrs;
  return {
    op: op.slice(op.indexOf('::') + 2),
    label: String(node ?? op),
    inputs,
    attrs: own,
    outputs: outputs.length,
    version: Number(opset ?? 0),
  };
}

/** Dtypes of outputs that are not that of the first operand. */
const DTYPE_AFTER: Readonly<Record<string, DType>> = {
  ConstantOfShape: 'float32',
  DequantizeLinear: 'float32',
  Size: 'int64',
  Shape: 'int64',
};

/** The rank that a node's results will have, where its operands say it: new symbols; null elsewhere. */
function dimsOf(builder: GraphBuilder, { op, inputs }: ForeignNode): Dim[] | null {
  const asked = op === 'Reshape' && inputs[1] ? builder.content(inputs[1]) : null;
  if (asked !== null && !asked.includes(0)) return asked.map((dim) => (dim === -1 ? builder.freshSymbol() : dim));
  const rank = Object.hasOwn(RANK_AFTER, op) ? RANK_AFTER[op]?.(builder, inputs) : undefined;
  return typeof rank === 'number' ? Array.from({ length: rank }, () => builder.freshSymbol()) : null;
}

type RankOf = (builder: GraphBuilder, inputs: readonly (Value | null)[]) => Dim | undefined;

const rankOfFirst: RankOf = (builder, [x]) => (x ? builder.dims(x)?.length : undefined);
const lengthOf =
  (index: number): RankOf =>
  (builder, inputs) => {
    const operand = inputs[index];
    return operand ? builder.dims(operand)?.[0] : undefined;
  };

const RANK_AFTER: Readonly<Record<string, RankOf>> = {
  ConstantOfShape: lengthOf(0),
  Conv: rankOfFirst,
  MaxPool: rankOfFirst,
  Pad: rankOfFirst,
  Range: () => 1,
  Reshape: lengthOf(1),
  Resize: rankOfFirst,
  Slice: rankOfFirst,
  Split: rankOfFirst,
  Tile: rankOfFirst,
};

function dtypeOf(builder: GraphBuilder, { op, inputs, attrs }: ForeignNode, output: number): DType {
  if (op === 'TopK' && output === 1) return 'int64';
  const { value } = attrs;
  if (op === 'ConstantOfShape' && typeof value === 'object' && 'type' in value) return value.type;
  if (Object.hasOwn(DTYPE_AFTER, op)) return DTYPE_AFTER[op] as DType;
  const first = inputs[op === 'QLinearConv' || op === 'QLinearMatMul' ? 7 : 0];
  return first ? (builder.dtype(first) as DType) : 'float32';
}
