import { DEFERRED, type Rule, type RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { linearOf } from './linear.js';
import { cast, scalar } from './math.js';
import { product } from './nn.js';
import { floatProduct } from './quantized.js';

// com.microsoft Attention and QAttention: q, k and v of one projection [batch, length, 3 * width], then attention in floats
// as ONNX Runtime has it. Outputs: y [batch, length, width] and the keys and values of all positions so far,
// [2, batch, heads, past + length, width / heads], which the next call takes as its past.

/** What ONNX Runtime adds to the scores of keys that are masked, where the node says nothing else. */
const MASKED = -10000;
/** What it adds to those of keys that come after the query. */
const LATER = -3.4028234663852886e38;

/** Which inputs of a node are its mask, its past and what is added to the scores. */
interface Operands {
  readonly mask: number;
  readonly past: number;
  readonly added?: number;
}

/** Codes of x and of a weight [in, 3 * width], float bias, scales of both, mask, zero points of both, past. */
const qattention: Rule = (n) => {
  const [x, weight] = [n.input(0), n.input(1)];
  const scales = [n.input(3), n.input(4)] as const;
  const project = () => floatProduct(n, { a: x, b: weight, scales, zeros: [6, 7], bias: n.input(2) });
  return attended(n, project, { mask: 5, past: 8 });
};

/** x, weight [in, 3 * width], bias, mask, past, what is added to the scores. */
const attention: Rule = (n) => {
  if (n.optional(6) !== null || n.attr('past_present_share_buffer', 0) === 1)
    throw n.unsupported('a past and a present that share memory');
  const bias = n.optional(2);
  const project = (): Value => {
    const linear = linearOf(n, n.input(0), n.input(1), { transposed: false, bias });
    const value = linear?.value ?? product(n, n.input(0), n.input(1));
    return bias === null || linear?.hasBias ? value : n.op('aten::add', [value, bias]);
  };
  return attended(n, project, { mask: 3, past: 4, added: 5 });
};

function attended(n: RuleContext, project: () => Value, operands: Operands): readonly Value[] {
  if (n.attr('do_rotary', 0) === 1) throw n.unsupported('do_rotary');
  const columns = n.dims(n.input(1))[1] as number;
  const heads = n.attr('num_heads');
  if (columns % (3 * heads) !== 0) throw n.fault(`a weight of ${columns} columns has no q, k and v of ${heads} heads`);
  const width = columns / 3;
  const sizes = n.list('qkv_hidden_sizes', []);
  if (sizes.some((size) => size !== width)) throw n.unsupported(`qkv_hidden_sizes [${sizes.join(', ')}]`);
  const projected = project();
  const parts = [0, 1, 2].map((part) =>
    n.op('aten::slice', [projected], { dim: 2, start: part * width, end: (part + 1) * width, step: 1 }),
  );
  const past = n.optional(operands.past);
  const [k, v] = [0, 1].map((i) => behindPast(n, past, i, parts[1 + i] as Value, width)) as [Value, Value];
  const mask = sum(n, [
    maskOf(n, { query: projected, keys: k }, n.optional(operands.mask)),
    n.attr('unidirectional', 0) === 1 ? laterKeys(n, projected, past) : null,
    operands.added === undefined ? null : n.optional(operands.added),
  ]);
  const scale = Math.fround(n.attr('scale', 0) || 1 / Math.sqrt(width / heads));
  const y = n.op('octavo::multi_head_attention', [parts[0] as Value, k, v, mask], { heads, scale });
  if (n.node.outputs < 2) return [y];
  const present = [k, v].map((each) => {
    const byHead = n.op('aten::reshape', [each], { dims: [0, 0, heads, width / heads] });
    return n.op('aten::unsqueeze', [n.op('aten::permute', [byHead], { dims: [0, 2, 1, 3] })], { dim: 0 });
  });
  return [y, n.op('aten::cat', present, { dim: 0 })];
}

/** Keys (0) or values (1) of the past [2, batch, heads, past, d] before the new ones [batch, length, width]. */
function behindPast(n: RuleContext, past: Value | null, index: number, own: Value, width: number): Value {
  if (past === null) return own;
  const byHead = n.op('aten::select', [past], { dim: 0, index });
  const byPosition = n.op('aten::permute', [byHead], { dims: [0, 2, 1, 3] });
  return n.op('aten::cat', [n.op('aten::reshape', [byPosition], { dims: [0, 0, width] }), own], { dim: 1 });
}

function sum(n: RuleContext, masks: readonly (Value | null)[]): Value | null {
  const given = masks.filter((mask) => mask !== null);
  return given.length === 0 ? null : given.reduce((a, b) => n.op('aten::add', [a, b]));
}

/** [1, 1, length, past + length]: each query sees the past, itself and what came before it. */
function laterKeys(n: RuleContext, projected: Value, past: Value | null): Value {
  const own = n.op('octavo::arange_like', [projected], { dim: 1 });
  const none =
    past && n.op('octavo::mul_integers', [n.op('octavo::arange_like', [past], { dim: 3 }), scalar(n, 0, 'int64')]);
  const keys = none === null ? own : n.op('aten::cat', [none, own], { dim: 0 });
  const later = n.op('aten::lt', [n.op('aten::unsqueeze', [own], { dim: 1 }), keys]);
  return fourDims(n, n.op('aten::where', [later, scalar(n, LATER), scalar(n, 0)]), 0, 0);
}

/**
 * What is added to the scores, [batch, 1, 1 or length, keys]. A mask is one of: ones and zeros [batch, keys] or
 * [batch, length, keys]; ends [batch]; ends, then starts, [2 * batch].
 */
function maskOf(
  n: RuleContext,
  { query, keys }: { readonly query: Value; readonly keys: Value },
  mask: Value | null,
): Value | null {
  if (mask === null) return null;
  const dims = n.shape(mask);
  const filter = n.attr('mask_filter_value', MASKED);
  const added = (kept: Value): Value => n.op('aten::where', [kept, scalar(n, 0), scalar(n, filter)]);
  const ones = () => added(n.op('aten::lt', [scalar(n, 0, n.dtype(mask)), mask]));
  if (dims.length === 2) return fourDims(n, ones(), 1, 1);
  if (dims.length === 3) return n.op('aten::unsqueeze', [ones()], { dim: 1 });
  if (dims.length !== 1) throw n.unsupported(`a mask of dims [${dims.join(', ')}]`);
  const limits = n.op('aten::unsqueeze', [cast(n, mask, 'int64')], { dim: 1 });
  const positions = n.op('octavo::arange_like', [keys], { dim: 1 });
  const batch = batchOfPairs(n, mask, query);
  if (batch === null) return fourDims(n, added(n.op('aten::lt', [positions, limits])), 1, 1);
  const part = (start: number): Value => n.op('aten::slice', [limits], { dim: 0, start, end: start + batch, step: 1 });
  const isBefore = n.op('aten::lt', [positions, part(0)]);
  const isBehind = n.op('aten::le', [part(batch), positions]);
  return fourDims(n, added(n.op('aten::logical_and', [isBefore, isBehind])), 1, 1);
}

/** The batch where a mask has two numbers for each of its items; null where it has one. */
function batchOfPairs(n: RuleContext, mask: Value, query: Value): number | null {
  const [count, batch] = [n.shape(mask)[0], n.shape(query)[0]];
  if (count === batch) return null;
  if (typeof count !== 'number' || typeof batch !== 'number') throw DEFERRED;
  if (count !== 2 * batch) throw n.unsupported(`a mask of ${count} numbers for a batch of ${batch}`);
  return batch;
}

/** A matrix with two more dims. */
function fourDims(n: RuleContext, matrix: Value, first: number, second: number): Value {
  return n.op('aten::unsqueeze', [n.op('aten::unsqueeze', [matrix], { dim: first })], { dim: second });
}

export const ATTENTION_RULES: Readonly<Record<string, Rule>> = {
  'com.microsoft::Attention': attention,
  'com.microsoft::QAttention': qattention,
};
