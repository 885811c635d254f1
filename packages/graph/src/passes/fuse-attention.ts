import { Tensor } from '@octavo/core';
import type { Dim } from '../import/facts.js';
import type { Graph } from '../ir/graph.js';
import { constantSpec } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { tensorType } from '../ir/value-type.js';
import type { Pass } from './pass.js';
import { scalarOf } from './scalars.js';
import type { Shapes } from './shapes.js';

/**
 * Attention as exporters write it becomes `octavo::multi_head_attention`, which a traced model has:
 *
 *     q, k, v [batch, length, heads * d] -> reshape [batch, length, heads, d] -> permute [batch, heads, length, d]
 *     softmax(q k^T * scale + mask) v -> permute -> reshape [batch, length, heads * d]
 *
 * The scale may be a factor or a divisor, of the scores or of q and k each (its root then); k may be transposed in one step or
 * two; there may be several masks or none, added, or filled in by a condition. It is done where the dims prove that the op takes the operands. The formula is the same;
 * the last bits differ where the scale is no power of two or stands at another place.
 */
export const fuseAttention =
  (shapes: Shapes): Pass =>
  (graph) => {
    // Last first: the dims of an operand are then those of the value that the importer knew.
    for (const node of graph.nodesBackwards()) {
      const found = node.op === 'aten::reshape' ? attentionOf(node, shapes) : undefined;
      if (found === undefined) continue;
      const { q, k, v, masks, heads, scale, guarded } = found;
      const fused = graph.insert(
        {
          op: 'octavo::multi_head_attention',
          inputs: [q, k, v, maskSum(graph, masks, node, shapes)],
          outputs: [{ type: node.output.type, hint: node.output.hint }],
          attrs: { heads, scale },
          scope: node.scope,
        },
        node,
      );
      node.output.replaceUses(guarded ? withoutNaN(graph, fused.output, node) : fused.output);
    }
    return graph;
  };

/** 0 where the value is NaN. A query whose keys are all masked with -inf has NaN for each of its probabilities and results. */
function withoutNaN(graph: Graph, value: Value, before: Node): Value {
  const { type } = value;
  const insert = (op: string, inputs: Value[], dtype: 'bool' | 'float32'): Value => {
    const dims = type.kind === 'tensor' ? type.dims : null;
    return graph.insert({ op, inputs, outputs: [{ type: tensorType(dtype, dims) }], scope: before.scope }, before)
      .output;
  };
  const zero = graph.insert(constantSpec(Tensor.from(0)), before).output;
  return insert('aten::where', [insert('aten::eq', [value, value], 'bool'), value, zero], 'float32');
}

interface Attention extends Scores {
  readonly v: Value;
  readonly heads: number;
  /** Whether probabilities that are NaN count as 0. */
  readonly guarded: boolean;
}

/** What is added to scores; or a condition, and whether they are kept or filled with a very low number where it holds. */
type Mask = Value | { readonly condition: Value; readonly keeps: boolean; readonly filler: Value };

/** softmax's operand: q k^T * scale + masks, with q and k as they are before their heads are split. */
interface Scores {
  readonly q: Value;
  readonly k: Value;
  /** The innermost first. */
  readonly masks: readonly Mask[];
  readonly scale: number;
  readonly heads: number;
}

function attentionOf(merge: Node, shapes: Shapes): Attention | undefined {
  const back = merge.input(0).node;
  if (back.op !== 'aten::permute' || !isOrder(back, SPLIT)) return undefined;
  const weighted = back.input(0).node;
  if (weighted.op !== 'aten::matmul' || !isOwn(weighted, back)) return undefined;
  const guard = guardOf(weighted);
  const softmax = guard === undefined ? weighted.input(0).node : guard.input(2).node;
  if (softmax.op !== 'aten::softmax' || !isLastAxis(softmax)) return undefined;
  if (guard === undefined && !isOwn(softmax, weighted)) return undefined;
  const v = splitHeads(weighted.input(1), shapes, SPLIT);
  const scores = scoresOf(softmax.input(0), softmax, shapes);
  if (v === undefined || v.scale !== 1 || scores === undefined || scores.heads !== v.heads) return undefined;
  const { q, k, masks, heads } = scores;
  const [batch, queries, width] = shapes(q) as readonly Dim[];
  const keys = shapes(k) as readonly Dim[];
  const sameKeys = keys[0] === batch && keys[2] === width && isSame(keys, shapes(v.x));
  if (!sameKeys || !isSame(shapes(merge.output), [batch, queries, width] as Dim[])) return undefined;
  const fits = masks.every((mask) => fitsMask(shapes(operandOf(mask)), [batch, heads, queries] as Dim[]));
  return fits ? { ...scores, v: v.x, guarded: guard !== undefined } : undefined;
}

/** where(isnan(p), 0, p), which PyTorch's scaled_dot_product_attention is exported with, of probabilities that nothing else reads. */
function guardOf(weighted: Node): Node | undefined {
  const { node: guard } = weighted.input(0);
  if (guard.op !== 'aten::where' || !isOwn(guard, weighted) || scalarOf(guard.input(1)) !== 0) return undefined;
  const probabilities = guard.input(2);
  const test = guard.input(0).node;
  const compared = test.op === 'aten::logical_not' ? test.input(0).node : undefined;
  if (compared?.op !== 'aten::eq' || compared.inputs.some((input) => input !== probabilities)) return undefined;
  const readers = new Set(probabilities.uses.map(({ node }) => node));
  return readers.size === 2 && isOwn(compared, test) && isOwn(test, guard) ? guard : undefined;
}

function operandOf(mask: Mask): Value {
  return 'condition' in mask ? mask.condition : mask;
}

/** A score filled with a number below this counts for nothing beside any other, as one that the number is added to does. */
const VERY_LOW = -1e30;

/** The scores without a mask, else with one as either term, or where a condition picks them. */
function scoresOf(value: Value, reader: Node, shapes: Shapes): Scores | undefined {
  const plain = scaledProduct(value, reader, shapes);
  if (plain !== undefined) return { ...plain, masks: [] };
  const { node } = value;
  if (value.isInput || value.onlyUser !== reader) return undefined;
  if (node.op === 'aten::where') {
    for (const index of [1, 2]) {
      const filler = node.input(3 - index);
      const low = scalarOf(filler);
      const scores = low !== undefined && low < VERY_LOW ? scoresOf(node.input(index), node, shapes) : undefined;
      const mask = { condition: node.input(0), keeps: index === 1, filler };
      if (scores !== undefined) return { ...scores, masks: [...scores.masks, mask] };
    }
  }
  if (node.op !== 'aten::add') return undefined;
  for (const index of [0, 1]) {
    const scores = scoresOf(node.input(index), node, shapes);
    if (scores !== undefined) return { ...scores, masks: [...scores.masks, node.input(1 - index)] };
  }
  return undefined;
}

function scaledProduct(value: Value, reader: Node, shapes: Shapes): Omit<Scores, 'masks'> | undefined {
  const { value: product, scale, reader: own } = unscaled(value, reader);
  if (product.node.op !== 'aten::matmul' || !isOwn(product.node, own)) return undefined;
  const q = splitHeads(product.node.input(0), shapes, SPLIT);
  const k = splitHeads(product.node.input(1), shapes, SPLIT_TRANSPOSED);
  if (q === undefined || k === undefined || q.heads !== k.heads) return undefined;
  const factor = Math.fround(scale * q.scale * k.scale);
  return Number.isFinite(factor) ? { q: q.x, k: k.x, heads: q.heads, scale: factor } : undefined;
}

/** Heads before the length: [batch, length, heads, d] -> [batch, heads, length, d]. */
const SPLIT = [0, 2, 1, 3];
/** And transposed for the product: [batch, heads, d, length]. */
const SPLIT_TRANSPOSED = [0, 2, 3, 1];

/**
 * x [batch, length, heads * d] where the value is x with its heads split and its axes in `order`, and the product of the
 * factors that it was scaled with on the way.
 */
function splitHeads(value: Value, shapes: Shapes, order: readonly number[]) {
  let scale = 1;
  let axes = [0, 1, 2, 3];
  for (let at = value; ; ) {
    const step = unscaled(at);
    scale *= step.scale;
    const { node } = step.value;
    const dims = node.attrs.dims as readonly number[];
    if (node.op === 'aten::permute' && dims.length === 4) {
      axes = axes.map((axis) => (dims[axis] as number) % 4);
      at = node.input(0);
      continue;
    }
    if (node.op !== 'aten::reshape' || axes.join() !== order.join()) return undefined;
    const x = unscaled(node.input(0));
    const [from, to] = [shapes(x.value), shapes(node.output)];
    if (from?.length !== 3 || to?.length !== 4 || from[0] !== to[0] || from[1] !== to[1]) return undefined;
    const heads = to[2];
    return typeof heads === 'number' && heads > 0 ? { x: x.value, heads, scale: scale * x.scale } : undefined;
  }
}

/** A value without the constant factors and divisors it was multiplied with; `reader` alone may read each of them. */
function unscaled(value: Value, reader?: Node) {
  let scale = 1;
  for (let own = reader; ; ) {
    const { node } = value;
    if ((node.op !== 'aten::mul' && node.op !== 'aten::div') || (own !== undefined && !isOwn(node, own))) {
      return { value, scale, reader: own as Node };
    }
    const at = node.op === 'aten::mul' && scalarOf(node.input(0)) !== undefined ? 0 : 1;
    const number = scalarOf(node.input(at));
    if (number === undefined) return { value, scale, reader: own as Node };
    scale = node.op === 'aten::mul' ? scale * number : scale / number;
    value = node.input(1 - at);
    if (own !== undefined) own = node;
  }
}

function isOwn(node: Node, reader: Node): boolean {
  return node.output.onlyUser === reader;
}

function isOrder({ attrs }: Node, order: readonly number[]): boolean {
  return (attrs.dims as readonly number[]).map((dim) => (dim + 4) % 4).join() === order.join();
}

/** Of scores, which have four axes. */
function isLastAxis({ attrs }: Node): boolean {
  return attrs.dim === -1 || attrs.dim === 3;
}

function isSame(a: readonly Dim[] | null, b: readonly Dim[] | null): boolean {
  return a !== null && b !== null && a.join() === b.join();
}

/**
 * Each dim is 1 or that of the scores. The last one need not be proven: the product with v, whose length is that of the
 * keys, takes no other.
 */
function fitsMask(mask: readonly Dim[] | null, scores: readonly Dim[]): boolean {
  if (mask === null || mask.length > 4) return false;
  const upper = mask.slice(0, -1);
  return upper.every((dim, i) => dim === 1 || dim === scores[3 - upper.length + i]);
}

/** The sum of the masks, each with dims of 1 in front; null without any. */
function maskSum(graph: Graph, masks: readonly Mask[], before: Node, shapes: Shapes): Value | null {
  const insert = (op: string, inputs: Value[], dims: readonly number[] | null, attrs = {}): Value => {
    const outputs = [{ type: tensorType('float32', dims) }];
    return graph.insert({ op, inputs, attrs, outputs, scope: before.scope }, before).output;
  };
  const ofRank4 = (mask: Mask): Value => {
    let value = operandOf(mask);
    if ('condition' in mask) {
      const zero = graph.insert(constantSpec(Tensor.from(0)), before).output;
      value = insert(
        'aten::where',
        [value, ...(mask.keeps ? [zero, mask.filler] : [mask.filler, zero])],
        dimsOf(value),
      );
    }
    for (let rank = shapes(operandOf(mask))?.length as number; rank < 4; rank++) {
      const dims = dimsOf(value);
      value = insert('aten::unsqueeze', [value], dims && [1, ...dims], { dim: 0 });
    }
    return value;
  };
  const [first, ...others] = masks.map(ofRank4);
  return first === undefined ? null : others.reduce((sum, mask) => insert('aten::add', [sum, mask], null), first);
}

function dimsOf({ type }: Value): readonly number[] | null {
  return type.kind === 'tensor' ? type.dims : null;
}
