import { DEFERRED, type Rule, type RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { scalar } from './math.js';

/**
 * Attention of opset 23: q, k, v [batch, heads, length, d], or [batch, length, heads * d] with the numbers of heads as
 * attributes, and a mask of bool (true is kept) or of floats to add. A query without any key gives 0. Written out as
 * exporters do below that opset; `passes/fuse-attention.ts` makes one op of it.
 */
export const scaledDotAttention: Rule = (n) => {
  for (const index of [4, 5, 6]) if (n.optional(index) !== null) throw n.unsupported('a past state');
  if (n.attr('softcap', 0) !== 0) throw n.unsupported('softcap');
  for (const side of ['left_window_size', 'right_window_size']) if (n.attr(side, -1) >= 0) throw n.unsupported(side);
  if (n.node.outputs > 1) throw n.unsupported('an output besides Y');
  const isFlat = n.rank(n.input(0)) === 3;
  const [q, k, v] = [0, 1, 2].map((i) =>
    isFlat ? splitHeads(n, n.input(i), n.attr(i === 0 ? 'q_num_heads' : 'kv_num_heads')) : n.input(i),
  ) as [Value, Value, Value];
  const [, heads, , width] = n.shape(q);
  if (typeof heads !== 'number' || typeof width !== 'number') throw DEFERRED;
  const scale = n.attr('scale', 1 / Math.sqrt(width));
  const turned = n.op('aten::permute', [repeatHeads(n, k, heads)], { dims: [0, 1, 3, 2] });
  const product = n.op('aten::mul', [n.op('aten::matmul', [q, turned]), scalar(n, scale)]);
  const masks = [maskOf(n, n.optional(3)), n.attr('is_causal', 0) === 1 ? causalMask(n, q, k) : null];
  const scores = masks.reduce<Value>((sum, mask) => (mask === null ? sum : n.op('aten::add', [sum, mask])), product);
  const mask = n.optional(3);
  const all = n.op('aten::softmax', [scores], { dim: -1 });
  // No query lacks keys without a mask, nor by a causal one.
  const probabilities = mask === null ? all : withoutNaN(n, all);
  const weighted = n.op('aten::matmul', [probabilities, repeatHeads(n, v, heads)]);
  if (!isFlat) return weighted;
  return n.op('aten::reshape', [n.op('aten::permute', [weighted], { dims: [0, 2, 1, 3] })], { dims: [0, 0, -1] });
};

function splitHeads(n: RuleContext, x: Value, heads: number): Value {
  return n.op('aten::permute', [n.op('aten::reshape', [x], { dims: [0, 0, heads, -1] })], { dims: [0, 2, 1, 3] });
}

/** Keys or values of fewer heads than there are of queries serve as many of them each. */
function repeatHeads(n: RuleContext, x: Value, heads: number): Value {
  const [, own, , width] = n.shape(x);
  if (typeof own !== 'number' || typeof width !== 'number') throw DEFERRED;
  if (own === heads) return x;
  if (heads % own !== 0) throw n.fault(`${heads} heads of queries do not share ${own} of keys`);
  const repeated = n.op('aten::expand', [n.op('aten::unsqueeze', [x], { dim: 2 })], { dims: [1, heads / own, 1, 1] });
  return n.op('aten::reshape', [repeated], { dims: [0, heads, -1, width] });
}

/** What is added to the scores. */
function maskOf(n: RuleContext, mask: Value | null): Value | null {
  return mask === null || n.dtype(mask) !== 'bool' ? mask : added(n, mask);
}

/** A query sees the keys up to its own place. */
function causalMask(n: RuleContext, q: Value, k: Value): Value {
  const places = n.op('aten::unsqueeze', [n.op('octavo::arange_like', [q], { dim: 2 })], { dim: 1 });
  return added(n, n.op('aten::le', [n.op('octavo::arange_like', [k], { dim: 2 }), places]));
}

function added(n: RuleContext, kept: Value): Value {
  return n.op('aten::where', [kept, scalar(n, 0), scalar(n, Number.NEGATIVE_INFINITY)]);
}

/** 0 for the probabilities of a query whose keys are all masked, which are 0 / 0. */
function withoutNaN(n: RuleContext, x: Value): Value {
  return n.op('aten::where', [n.op('aten::logical_not', [n.op('aten::eq', [x, x])]), scalar(n, 0), x]);
}
