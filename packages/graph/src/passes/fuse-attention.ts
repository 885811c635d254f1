import type { Dim } from '../import/facts.js';
import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { tensorType } from '../ir/value-type.js';
import {
  fitsMask,
  isOwn,
  isSame,
  type Mask,
  maskedScores,
  maskSum,
  operandOf,
  unscaled,
  weightedSoftmax,
  withoutNaN,
} from './attention-pattern.js';
import type { Pass } from './pass.js';
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
          outputs: [
            {
              type: found.width === undefined ? node.output.type : tensorType('float32', null),
              hint: node.output.hint,
            },
          ],
          attrs: { heads, scale },
          scope: node.scope,
        },
        node,
      );
      const y = guarded ? withoutNaN(graph, fused.output, node) : fused.output;
      node.output.replaceUses(found.width === undefined ? y : rowsOf(graph, y, found.width, node));
    }
    return graph;
  };

/** [batch, length, width] as rows of a matrix. */
function rowsOf(graph: Graph, x: Value, width: number, { scope, output }: Node): Value {
  const spec = {
    op: 'aten::reshape',
    inputs: [x],
    attrs: { dims: [-1, width] },
    outputs: [{ type: output.type }],
    scope,
  };
  return graph.insert(spec, output.node).output;
}

interface Attention extends Scores {
  readonly v: Value;
  readonly heads: number;
  /** That of the heads together, where batch and length are merged besides; undefined where they are not. */
  readonly width: number | undefined;
  /** Whether probabilities that are NaN count as 0. */
  readonly guarded: boolean;
}

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
  const found = isOwn(weighted, back) ? weightedSoftmax(weighted, 4) : undefined;
  if (found === undefined) return undefined;
  const { softmax, guarded } = found;
  const v = splitHeads(weighted.input(1), shapes, SPLIT);
  const scores = maskedScores(softmax.input(0), softmax, scaledProduct(shapes));
  if (v === undefined || v.scale !== 1 || scores === undefined || scores.heads !== v.heads) return undefined;
  const { q, k, masks, heads } = scores;
  const [batch, queries, width] = shapes(q) as readonly Dim[];
  const keys = shapes(k) as readonly Dim[];
  const sameKeys = keys[0] === batch && keys[2] === width && isSame(keys, shapes(v.x));
  const merged = shapes(merge.output);
  const isRows = merged?.length === 2 && typeof width === 'number' && merged[1] === width;
  if (!sameKeys || !(isRows || isSame(merged, [batch, queries, width] as Dim[]))) return undefined;
  const fits = masks.every((mask) => fitsMask(shapes(operandOf(mask)), [batch, heads, queries] as Dim[]));
  return fits ? { ...scores, v: v.x, guarded, width: isRows ? width : undefined } : undefined;
}

const scaledProduct =
  (shapes: Shapes) =>
  (value: Value, reader: Node): Omit<Scores, 'masks'> | undefined => {
    const { value: product, scale, reader: own } = unscaled(value, reader);
    if (product.node.op !== 'aten::matmul' || !isOwn(product.node, own)) return undefined;
    const q = splitHeads(product.node.input(0), shapes, SPLIT);
    const k = splitHeads(product.node.input(1), shapes, SPLIT_TRANSPOSED);
    if (q === undefined || k === undefined || q.heads !== k.heads) return undefined;
    const factor = Math.fround(scale * q.scale * k.scale);
    return Number.isFinite(factor) ? { q: q.x, k: k.x, heads: q.heads, scale: factor } : undefined;
  };

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

function isOrder({ attrs }: Node, order: readonly number[]): boolean {
  return (attrs.dims as readonly number[]).map((dim) => (dim + 4) % 4).join() === order.join();
}
