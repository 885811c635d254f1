import { Tensor } from '@octavo/core';
import { isNumbers } from '../../import/facts.js';
import { DEFERRED, type Rule, type RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { shapeOf } from './shape.js';

/**
 * Slices of x [batch..., d0, d1, ..., rest...] at indices [batch..., ..., k] of its k dims behind the batch, as one `take`
 * from x with those dims flattened: index = ((i0 * d1) + i1) * d2 + ..., the batch's positions in front.
 */
export const gatherNd: Rule = (n) => {
  const [x, indices] = [n.input(0), n.input(1)];
  const [dims, at] = [n.shape(x), n.shape(indices)];
  const batch = n.attr('batch_dims', 0);
  const depth = at.at(-1);
  if (typeof depth !== 'number') throw DEFERRED;
  const joined = batch + depth;
  if (depth < 1 || joined > dims.length) throw n.fault(`indices of ${depth} dims into a tensor of rank ${dims.length}`);
  const size = (dim: number): Value => {
    const known = dims[dim];
    return typeof known === 'number'
      ? n.constant(Tensor.from(BigInt(known), { dtype: 'int64' }))
      : n.op('aten::select', [shapeOf(n, x)], { dim: 0, index: dim });
  };
  const parts = Array.from({ length: joined }, (_, dim) =>
    dim < batch ? positionsAlong(n, indices, dim, at.length - 1) : indexOf(n, indices, dim - batch, size(dim)),
  );
  const index = parts.reduce((sum, part, dim) =>
    n.op('octavo::add_integers', [n.op('octavo::mul_integers', [sum, size(dim)]), part]),
  );
  return n.op('octavo::take', [flattened(n, x, joined), index], { dim: 0 });
};

/** 0, 1, ... along a dim, to be broadcast over `rank` dims. */
function positionsAlong(n: RuleContext, like: Value, dim: number, rank: number): Value {
  let value = n.op('octavo::arange_like', [like], { dim });
  for (let behind = dim + 1; behind < rank; behind++) value = n.op('aten::unsqueeze', [value], { dim: -1 });
  return value;
}

/** Indices of one dim, negative ones counted from its end. */
function indexOf(n: RuleContext, indices: Value, part: number, size: Value): Value {
  const index = n.op('aten::select', [indices], { dim: -1, index: part });
  const zero = n.constant(Tensor.from(0n, { dtype: 'int64' }));
  const isNegative = n.op('aten::lt', [index, zero]);
  return n.op('aten::where', [isNegative, n.op('octavo::add_integers', [index, size]), index]);
}

/** x with its first `count` dims as one. */
function flattened(n: RuleContext, x: Value, count: number): Value {
  const rest = n.shape(x).slice(count);
  if (count === 1) return x;
  if (isNumbers(rest)) return n.op('aten::reshape', [x], { dims: [-1, ...rest] });
  if (rest.length === 1) return n.op('octavo::flatten_to_matrix', [x], { dim: count });
  throw DEFERRED;
}
