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
 * Attention over heads that are not just split off from the last dimension (rotated ones, windows of an image, batch and
 * heads merged in one dimension) becomes `aten::scaled_dot_product_attention`:
 *
 *     softmax(q k^T * scale + mask) v,   q, k and v [batch, heads, length, d], or without the batch
 *
 * Keys and values that are repeated for groups of heads, by unsqueeze, expand and reshape, are taken as they were before. The
 * forms of scales and masks are those of `fuseAttention`, which comes first.
 */
export const fuseScaledDotProduct =
  (shapes: Shapes): Pass =>
  (graph) => {
    for (const node of graph.nodesBackwards()) {
      const found = attentionOf(node, shapes);
      if (found === undefined) continue;
      const { rank, masks, scale, groups, guarded } = found;
      const [q, k, v] = [found.q, keysBefore(graph, found.k, node), found.v].map((value) =>
        rank === 4 ? value : inserted(graph, 'aten::unsqueeze', value, { dim: 0 }, node),
      ) as [Value, Value, Value];
      const fused = graph.insert(
        {
          op: 'aten::scaled_dot_product_attention',
          inputs: [q, k, v, maskSum(graph, masks, node, shapes)],
          outputs: [{ type: rank === 4 ? node.output.type : tensorType('float32', null), hint: node.output.hint }],
          attrs: { scale, groups },
          scope: node.scope,
        },
        node,
      );
      const y = guarded ? withoutNaN(graph, fused.output, node) : fused.output;
      node.output.replaceUses(rank === 4 ? y : inserted(graph, 'aten::squeeze', y, { dims: [0] }, node));
    }
    return graph;
  };

function inserted(graph: Graph, op: string, x: Value, attrs: Record<string, number | number[]>, before: Node): Value {
  const outputs = [{ type: tensorType('float32', null) }];
  return graph.insert({ op, inputs: [x], attrs, outputs, scope: before.scope }, before).output;
}

/** Keys [..., keys, d] as a permutation of another value: `axes` gives [..., d, keys], as the product reads them. */
interface Keys {
  readonly x: Value;
  readonly axes: readonly number[];
}

interface Attention {
  readonly q: Value;
  readonly k: Keys;
  readonly v: Value;
  readonly masks: readonly Mask[];
  readonly rank: number;
  readonly scale: number;
  readonly groups: number;
  readonly guarded: boolean;
}

function attentionOf(weighted: Node, shapes: Shapes): Attention | undefined {
  const rank = weighted.op === 'aten::matmul' ? shapes(weighted.input(1))?.length : undefined;
  const found = rank === 3 || rank === 4 ? weightedSoftmax(weighted, rank) : undefined;
  if (rank === undefined || found === undefined) return undefined;
  const scores = maskedScores(found.softmax.input(0), found.softmax, (value, reader) => product(value, reader, rank));
  if (scores === undefined) return undefined;
  const { q, masks, scale, keys } = scores;
  const v = weighted.input(1);
  const [queryDims, keyDims, valueDims] = [shapes(q), shapes(keys), shapes(v)];
  const heads = queryDims?.slice(0, -2);
  if (heads === undefined || queryDims?.length !== rank) return undefined;
  if (!isSame(heads, keyDims?.slice(0, -2) ?? null) || !isSame(heads, valueDims?.slice(0, -2) ?? null))
    return undefined;
  const scoreDims = [...(rank === 4 ? [] : [1]), ...queryDims.slice(0, -1)];
  if (!masks.every((mask) => fitsMask(shapes(operandOf(mask)), scoreDims))) return undefined;
  const plain = { q, k: scores.k, v, groups: 1 };
  return { ...(shared(scores.k, v, shapes) ?? plain), q, masks, rank, scale, guarded: found.guarded };
}

/** q and k^T of a product, times constants, that `reader` alone reads. */
function product(value: Value, reader: Node, rank: number) {
  const { value: scores, scale, reader: own } = unscaled(value, reader);
  if (scores.node.op !== 'aten::matmul' || !isOwn(scores.node, own)) return undefined;
  const [q, keys] = [unscaled(scores.node.input(0)), unscaled(scores.node.input(1))];
  const { node } = keys.value;
  const axes = node.attrs.dims as readonly number[];
  if (node.op !== 'aten::permute' || axes.length !== rank) return undefined;
  const x = unscaled(node.input(0));
  const factor = Math.fround(scale * q.scale * keys.scale * x.scale);
  if (!Number.isFinite(factor)) return undefined;
  const k: Keys = { x: x.value, axes: axes.map((axis) => (axis + rank) % rank) };
  return { q: q.value, k, keys: keys.value, scale: factor };
}

/** Keys [..., keys, d], without the transposition that the product reads them by. */
function keysBefore(graph: Graph, { x, axes }: Keys, before: Node): Value {
  const dims = [...axes.slice(0, -2), axes.at(-1) as number, axes.at(-2) as number];
  if (dims.every((axis, i) => axis === i)) return x;
  return inserted(graph, 'aten::permute', x, { dims }, before);
}

/** Keys and values that as many heads of queries share, before they are repeated for each. */
function shared({ x, axes }: Keys, v: Value, shapes: Shapes) {
  if (axes.join() !== '0,1,3,2') return undefined;
  const [k, values] = [unrepeated(x, shapes), unrepeated(v, shapes)];
  if (k === undefined || k.groups !== values?.groups) return undefined;
  return { k: { x: k.x, axes }, v: values.x, groups: k.groups };
}

const RESHAPES = ['aten::reshape', 'octavo::reshape_like', 'onnx::Reshape'];
const EXPANDS = ['aten::expand', 'octavo::expand_like', 'onnx::Expand'];

/** x [batch, n, length, d] of [batch, n, 1, length, d] -> [batch, n, groups, length, d] -> [batch, n * groups, length, d]. */
function unrepeated({ node: merge }: Value, shapes: Shapes): { x: Value; groups: number } | undefined {
  if (!RESHAPES.includes(merge.op)) return undefined;
  const { node: expand } = merge.input(0);
  if (!EXPANDS.includes(expand.op)) return undefined;
  const { node: unsqueeze } = expand.input(0);
  if (unsqueeze.op !== 'aten::unsqueeze') return undefined;
  const x = unsqueeze.input(0);
  const [batch, heads, ...rest] = shapes(x) ?? [];
  const groups = shapes(expand.output)?.[2];
  if (typeof heads !== 'number' || typeof groups !== 'number' || rest.length !== 2) return undefined;
  const dims: readonly (readonly [Node, readonly (Dim | undefined)[]])[] = [
    [unsqueeze, [batch, heads, 1, ...rest]],
    [expand, [batch, heads, groups, ...rest]],
    [merge, [batch, heads * groups, ...rest]],
  ];
  return dims.every(([node, wanted]) => isSame(shapes(node.output), wanted as Dim[])) ? { x, groups } : undefined;
}
