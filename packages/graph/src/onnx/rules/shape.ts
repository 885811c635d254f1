import { type Attrs, DTYPES, sizeOf, Tensor } from '@octavo/core';
import type { Dim } from '../../import/facts.js';
import { isNumbers } from '../../import/facts.js';
import { DEFERRED, type Rule, type RuleContext } from '../../import/rule.js';
import { isStoredWeight } from '../../ir/stored-weight.js';
import type { Value } from '../../ir/value.js';
import { isInteger } from './dtypes.js';
import { filled } from './math.js';

/** Elements of which an op that makes tensors from nothing may make so many: what no sane model passes. */
const MAX_ELEMENTS = 2 ** 31;

function int64(numbers: readonly number[], dims: readonly number[] = [numbers.length]): Tensor {
  return new Tensor('int64', BigInt64Array.from(numbers, BigInt), dims);
}

/** An axis counted from the front. */
export function axisOf(n: RuleContext, axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (resolved >= 0 && resolved < Math.max(rank, 1)) return resolved;
  throw n.fault(`axis ${axis} is outside a tensor of rank ${rank}`);
}

/** A list that was an attribute and became an operand in a later opset; null where neither is given. */
export function listOrInput(n: RuleContext, name: string, index: number): readonly number[] | null {
  const operand = n.optional(index);
  if (operand !== null) return n.numbers(operand);
  return n.has(name) ? n.list(name) : null;
}

/** A shape tensor of which the elements may be symbols: one constant, or a value that says what is known. */
function shapeValue(n: RuleContext, content: readonly Dim[], compute: () => Value, rank = 1): Value {
  if (isNumbers(content)) return n.constant(int64(content, rank === 0 ? [] : [content.length]));
  const value = compute();
  return n.know(value, { dtype: 'int64', dims: rank === 0 ? [] : [content.length], content });
}

const shape: Rule = (n) => {
  const dims = n.shape(n.input(0));
  const end = n.attr('end', dims.length);
  const part = dims.slice(n.attr('start', 0), end);
  // What reads single elements will mostly find all it wants in the facts.
  return shapeValue(n, part, () => {
    const whole = shapeOf(n, n.input(0));
    return part.length === dims.length
      ? whole
      : n.op('aten::slice', [whole], { dim: 0, start: n.attr('start', 0), end, step: 1 });
  });
};

/** The dims of a value as a tensor, for arithmetic at run time. */
export function shapeOf(n: RuleContext, x: Value): Value {
  return n.op('aten::_shape_as_tensor', [x]);
}

const size: Rule = (n) => {
  const dims = n.shape(n.input(0));
  return isNumbers(dims)
    ? n.constant(int64([sizeOf(dims)], []))
    : n.op('aten::prod', [shapeOf(n, n.input(0))], { dims: [0], keepDim: 0 });
};

/** What `Reshape` asks for; of a reshaped value, what it was reshaped from may say more of the dims. */
const reshape: Rule = (n) => {
  const x = n.input(0);
  const asked = n.elements(n.input(1));
  const turned = transposedThrough(n, x, asked);
  if (turned !== null) return turned;
  try {
    return reshaped(n, x, asked);
  } catch (error) {
    if (error !== DEFERRED || x.node.op !== 'aten::reshape') throw error;
    return reshaped(n, x.node.input(0), asked);
  }
};

/**
 * [...batch, d, length] of a value [...batch, length, d] that was transposed as [-1, length, d], as PyTorch's exporter writes
 * the keys of scaled_dot_product_attention: a transpose of that value's last two dims. Null for any other.
 */
function transposedThrough(n: RuleContext, { node }: Value, asked: readonly Dim[]): Value | null {
  if (node.op !== 'aten::permute' || (node.attrs.dims as readonly number[]).join() !== '0,2,1') return null;
  const flat = node.input(0);
  if (!/^(onnx::Reshape|aten::reshape|octavo::reshape_like)$/.test(flat.node.op)) return null;
  const x = flat.node.input(0);
  const [from, matrices] = [n.builder.dims(x), n.builder.dims(flat)];
  const rank = from?.length ?? 0;
  if (from === null || matrices === null || rank < 3) return null;
  const order = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
  const isSwap = order.map((axis) => from[axis]).join() === asked.join();
  const keepsLast = matrices.slice(1).join() === from.slice(-2).join();
  return isSwap && keepsLast ? n.op('aten::permute', [x], { dims: order }) : null;
}

/** Elements that are x's own dims at their places become 0, one that is unknown -1. */
function reshaped(n: RuleContext, x: Value, wanted: readonly Dim[]): Value {
  const own = n.builder.dims(x);
  const asked = withRest(n, own, wanted);
  const dims = asked.map((dim, i) => {
    if (dim === 0 && n.attr('allowzero', 0) === 1) return 'zero';
    return typeof dim === 'string' && dim === own?.[i] ? 0 : dim;
  });
  if (dims.includes('zero')) {
    // A dim of 0 and not a copy: an empty tensor, and no op can say so but by the size.
    return n.op('aten::reshape', [x], { dims: emptyDims(n, asked as readonly number[], n.dims(x)) });
  }
  const flat = linearBefore(n, x, asked);
  if (flat !== null) return flat;
  const free = dims.filter((dim) => typeof dim === 'string');
  if (free.length > 1 || (free.length === 1 && dims.includes(-1))) return reshapedLike(n, x, dims as Dim[]);
  const result = n.op('aten::reshape', [x], { dims: dims.map((dim) => (typeof dim === 'string' ? -1 : dim)) });
  const known = n.builder.dims(result);
  if (own !== null && known?.join() === own.join() && n.builder.content(x) === null) return x;
  // The symbol that was asked for is the dim, whatever the op makes of it.
  const facts = asked.map((dim, i) =>
    typeof dim === 'string' ? dim : dim > 0 ? dim : (known?.[i] ?? n.builder.freshSymbol()),
  );
  const content = n.builder.content(x);
  return n.know(result, { dtype: n.dtype(x), dims: facts, ...(content !== null && facts.length <= 1 && { content }) });
}

/** What is asked for, with the dim that -1 comes to, where the others say it. */
function withRest(n: RuleContext, own: readonly Dim[] | null, asked: readonly Dim[]): readonly Dim[] {
  const place = asked.indexOf(-1);
  if (place < 0 || own === null || asked.some((dim, i) => dim === 0 && own[i] === undefined)) return asked;
  const others = asked.map((dim, i) => (dim === 0 ? (own[i] as Dim) : dim)).toSpliced(place, 1);
  const rest = n.builder.quotientOf(own, others, true);
  return rest === undefined ? asked : asked.toSpliced(place, 1, rest);
}

/** With more than one symbol, where one value has them all, or all but one, among its dims. */
function reshapedLike(n: RuleContext, x: Value, dims: readonly Dim[]): Value {
  const symbols = dims.filter((dim) => typeof dim === 'string');
  for (const symbol of symbols) {
    const like = n.builder.originOf(symbol)?.value;
    const own = like && n.builder.dims(like);
    const missing = symbols.filter((each) => !own?.includes(each)).length;
    if (!own || missing > (dims.includes(-1) ? 0 : 1)) continue;
    const asked = dims.map((dim) => (typeof dim === 'number' ? dim : own.includes(dim) ? -2 - own.indexOf(dim) : -1));
    const result = n.op('octavo::reshape_like', [x, like], { dims: asked });
    return dims.includes(-1) || dims.includes(0) ? result : n.know(result, { dtype: n.dtype(x), dims });
  }
  throw DEFERRED;
}

/**
 * A linear over rows that were joined before it and are split again behind it is one over the tensor as it was: the same
 * products. Null for anything else.
 */
function linearBefore(n: RuleContext, { node }: Value, asked: readonly Dim[]): Value | null {
  const joined = node.op === 'aten::linear' ? node.input(0).node : undefined;
  if (joined?.op !== 'aten::reshape' || (joined.attrs.dims as readonly number[]).length !== 2) return null;
  const x = joined.input(0);
  const [dims, rows, weight] = [x, joined.output, node.input(1)].map((value) => n.builder.dims(value));
  if (!dims || !rows || !weight || typeof dims.at(-1) !== 'number' || dims.at(-1) !== rows[1]) return null;
  if ([...dims.slice(0, -1), weight[0]].join() !== asked.join()) return null;
  return n.op('aten::linear', [x, ...node.inputs.slice(1)], node.attrs as Attrs);
}

/** The dims of an empty tensor, as a reshape of one that is empty at some of the same places. */
function emptyDims(n: RuleContext, asked: readonly number[], from: readonly number[]): readonly number[] {
  if (sizeOf(from) === 0 && asked.every((dim, i) => dim !== 0 || from[i] === 0)) return asked;
  throw n.unsupported('a reshape to an empty tensor whose empty dims move');
}

const transpose: Rule = (n) => {
  const x = n.input(0);
  const dims = n.has('perm') ? n.list('perm') : Array.from({ length: n.rank(x) }, (_, i) => n.rank(x) - 1 - i);
  return n.op('aten::permute', [x], { dims });
};

const flatten: Rule = (n) => n.op('octavo::flatten_to_matrix', [n.input(0)], { dim: n.attr('axis', 1) });

const squeeze: Rule = (n) => {
  const x = n.input(0);
  const asked = listOrInput(n, 'axes', 1);
  const dims = asked ?? n.dims(x).flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  const content = n.builder.content(x);
  const result = n.op('aten::squeeze', [x], { dims });
  return content?.length === 1 ? withContent(n, result, content) : result;
};

const unsqueeze: Rule = (n) => {
  const x = n.input(0);
  const axes = listOrInput(n, 'axes', 1) ?? [];
  const rank = axes.length === 1 && (axes[0] as number) >= 0 ? 0 : n.rank(x) + axes.length;
  const places = axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
  const content = n.builder.content(x);
  const result = places.reduce((value, dim) => n.op('aten::unsqueeze', [value], { dim }), x);
  return content?.length === 1 ? withContent(n, result, content) : result;
};

/** Keeps the elements of a shape tensor that changes its dims only. */
function withContent(n: RuleContext, value: Value, content: readonly Dim[]): Value {
  if (n.builder.tensor(value) !== undefined || n.dtype(value) !== 'int64') return value;
  return n.know(value, { dtype: 'int64', dims: n.builder.dims(value), content });
}

const concat: Rule = (n) => {
  const inputs = n.node.inputs.map((_, i) => n.input(i));
  const contents = inputs.map((input) => n.builder.content(input));
  const result = n.op('aten::cat', inputs, { dim: n.attr('axis') });
  if (contents.includes(null) || n.builder.dims(inputs[0] as Value)?.length !== 1) return result;
  return withContent(
    n,
    result,
    contents.flatMap((content) => content as readonly Dim[]),
  );
};

/** Sizes of the parts: given, or equal ones of which the last may be smaller. */
const split: Rule = (n) => {
  const x = n.input(0);
  const axis = axisOf(n, n.attr('axis', 0), n.rank(x));
  const given = listOrInput(n, 'split', 1);
  const parts = n.attr('num_outputs', n.node.outputs);
  const total = n.shape(x)[axis];
  if (given === null && typeof total !== 'number') throw DEFERRED;
  const sizes = given ?? equalParts(total as number, parts);
  let start = 0;
  return sizes.map((part) => {
    const value = n.op('aten::slice', [x], { dim: axis, start, end: start + part, step: 1 });
    start += part;
    return value;
  });
};

function equalParts(total: number, parts: number): number[] {
  const part = Math.ceil(total / parts);
  return Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(part, total - i * part)));
}

/** Starts, ends, axes and steps. A negative step is a slice of the reversed dim. */
const slice: Rule = (n) => {
  const x = n.input(0);
  const content = n.builder.content(x);
  const [starts, ends] = [n.elements(n.input(1)), n.elements(n.input(2))];
  const axes = n.optional(3) === null ? starts.map((_, i) => i) : n.numbers(n.input(3));
  const steps = n.optional(4) === null ? starts.map(() => 1) : n.numbers(n.input(4));
  let value = x;
  for (const [i, asked] of axes.entries()) {
    const step = steps[i] as number;
    const [start, end] = [starts[i] as Dim, ends[i] as Dim];
    const own = n.builder.dims(value)?.[asked < 0 ? asked + n.rank(value) : asked];
    // x[0:n] of a dim of n is x.
    if (start === 0 && step === 1 && typeof end === 'string' && end === own) continue;
    if (start === 0 && step === 1 && typeof end === 'string') {
      value = cutLike(n, value, asked, end);
      continue;
    }
    if (typeof start === 'string' || typeof end === 'string') throw DEFERRED;
    value =
      step > 0
        ? n.op('aten::slice', [value], { dim: asked, start, end, step })
        : reversed(n, value, asked, start, end, step);
  }
  if (content === null || n.builder.dims(x)?.length !== 1 || (steps[0] as number) < 1) return value;
  const [start, end] = [starts[0], ends[0]] as [number, number];
  return withContent(
    n,
    value,
    content.slice(start, end).filter((_, i) => i % (steps[0] as number) === 0),
  );
};

/** x[:n], where n is a dim of a value that is there already. */
function cutLike(n: RuleContext, x: Value, axis: number, symbol: string): Value {
  const origin = n.builder.originOf(symbol);
  if (origin === undefined) throw DEFERRED;
  return n.op('octavo::slice_like', [x, origin.value], { dim: axis, likeDim: origin.axis });
}

function reversed(n: RuleContext, x: Value, axis: number, start: number, end: number, step: number): Value {
  const size = n.dims(x)[axisOf(n, axis, n.rank(x))] as number;
  const inside = (at: number, low: number): number => Math.min(Math.max(at < 0 ? at + size : at, low), size - 1);
  const [from, to] = [inside(start, 0), inside(end, -1)];
  const first = size - 1 - from;
  return n.op('aten::slice', [n.op('aten::flip', [x], { dims: [axis] })], {
    dim: axis,
    start: first,
    end: Math.max(first, size - 1 - to),
    step: -step,
  });
}

/** One element of a shape; a slice at a constant place; rows of a float table; anything else by index. */
const gather: Rule = (n) => {
  const [x, indices] = [n.input(0), n.input(1)];
  const axis = n.attr('axis', 0);
  const content = n.builder.content(x);
  const places = n.builder.tensor(indices)?.raw;
  const at = places?.data.length === 1 ? Number(places.data[0]) : null;
  if (content !== null && places !== undefined && n.builder.dims(x)?.length === 1) {
    const picked = Array.from(
      places.data as BigInt64Array,
      (place) => content[Number(place) < 0 ? Number(place) + content.length : Number(place)],
    );
    if (!picked.some((dim) => dim === undefined) && places.dims.length <= 1) {
      return shapeContent(n, x, picked as Dim[], () => gathered(n, x, indices, axis, at), places.dims.length);
    }
  }
  return gathered(n, x, indices, axis, at);
};

function shapeContent(n: RuleContext, x: Value, content: readonly Dim[], compute: () => Value, rank: number): Value {
  return n.dtype(x) === 'int64' ? shapeValue(n, content, compute, rank) : compute();
}

function gathered(n: RuleContext, x: Value, indices: Value, axis: number, at: number | null): Value {
  if (at !== null && n.builder.dims(indices)?.length === 0) return n.op('aten::select', [x], { dim: axis, index: at });
  const isConstant = n.builder.tensor(x) !== undefined || isStoredWeight(x.node);
  const isTable = isConstant && n.dtype(x) === 'float32' && n.builder.dims(x)?.length === 2 && axis === 0;
  if (isTable && n.builder.tensor(indices) === undefined) return n.op('aten::embedding', [x, indices]);
  return n.op('octavo::take', [x, indices], { dim: axis });
}

const expand: Rule = (n) => {
  const x = n.input(0);
  const asked = n.elements(n.input(1));
  const own = n.builder.dims(x);
  // A symbol that is x's own dim at that place (from the end) need not be known; a dim of 1 is repeated as its origin says.
  const repeated: [dim: number, symbol: string][] = [];
  const dims = asked.map((dim, i) => {
    if (typeof dim === 'number') return dim;
    if (own === null) throw DEFERRED;
    const ownDim = own[own.length - asked.length + i] ?? 1;
    if (ownDim !== dim) repeated.push([i + Math.max(0, own.length - asked.length), dim]);
    if (ownDim !== dim && ownDim !== 1) throw DEFERRED;
    return 1;
  });
  const isWhole = dims.every((dim) => dim === 1) && own !== null && own.length >= dims.length;
  return repeatedLike(n, isWhole ? x : n.op('aten::expand', [x], { dims }), repeated);
};

/** x with dims of 1 as long as symbols are that dims of other values have. */
function repeatedLike(n: RuleContext, x: Value, repeated: readonly (readonly [dim: number, symbol: string])[]): Value {
  return repeated.reduce((value, [dim, symbol]) => {
    const origin = n.builder.originOf(symbol);
    if (origin === undefined) throw DEFERRED;
    return n.op('octavo::expand_like', [value, origin.value], { dim, likeDim: origin.axis });
  }, x);
}

const tile: Rule = (n) => n.op('aten::repeat', [n.input(0)], { repeats: n.numbers(n.input(1)) });

const constantOfShape: Rule = (n) => {
  const asked = n.elements(n.input(0));
  const dims = asked.map((dim) => (typeof dim === 'number' ? dim : 1));
  if (sizeOf(dims) > MAX_ELEMENTS) throw n.fault(`a tensor [${dims.join(', ')}] is too large`);
  if (!n.builder.makesConstantOf(4 * sizeOf(dims))) throw DEFERRED;
  const value = n.node.attrs.value;
  const [element, dtype] = Tensor.is(value) ? [value.raw.data[0] ?? 0, value.type] : [0, 'float32' as const];
  const repeated = asked.flatMap((dim, i) => (typeof dim === 'string' ? [[i, dim] as const] : []));
  return repeatedLike(n, n.constant(filled(dims, element, dtype)), repeated);
};

const range: Rule = (n) => {
  const start = n.input(0);
  const known = positions(n);
  if (known !== null) return known;
  const dtype = n.dtype(start);
  const [from, limit, step] = [n.number(start), n.number(n.input(1)), n.number(n.input(2))];
  const count = Math.max(0, Math.ceil((limit - from) / step));
  if (!(count <= MAX_ELEMENTS)) throw n.fault(`a range from ${from} to ${limit} by ${step} is too long`);
  if (!n.builder.makesConstantOf(8 * count)) throw DEFERRED;
  const data = new DTYPES[dtype].array(count);
  for (let i = 0; i < count; i++)
    data[i] = (isInteger(dtype) && dtype === 'int64' ? BigInt(from + i * step) : from + i * step) as never;
  return n.constant(new Tensor(dtype, data as never, [count]));
};

/** Numbers from 0 or more up to a dim of a value that is there already; null for any other range. */
function positions(n: RuleContext): Value | null {
  const [from, limit, step] = [0, 1, 2].map((i) => n.builder.content(n.input(i))?.[0]);
  if (typeof from !== 'number' || from < 0 || step !== 1 || typeof limit !== 'string') return null;
  const origin = n.dtype(n.input(0)) === 'int64' ? n.builder.originOf(limit) : undefined;
  if (origin === undefined) return null;
  const all = n.op('octavo::arange_like', [origin.value], { dim: origin.axis });
  return from === 0 ? all : n.op('aten::slice', [all], { dim: 0, start: from, end: Number.MAX_SAFE_INTEGER, step: 1 });
}

const gatherElements: Rule = (n) => n.op('aten::gather', [n.input(0), n.input(1)], { dim: n.attr('axis', 0) });

const trilu: Rule = (n) => {
  const diagonal = n.optional(1) === null ? 0 : n.number(n.input(1));
  return n.op('octavo::tri', [n.input(0)], { diagonal, upper: n.attr('upper', 1) });
};

/** A constant given as a tensor, or as numbers. */
const constant: Rule = (n) => {
  const { attrs } = n.node;
  if (Tensor.is(attrs.value)) return n.constant(attrs.value);
  if (n.has('value_float')) return n.constant(Tensor.from(n.attr('value_float')));
  if (n.has('value_floats')) return n.constant(Tensor.from([...n.list('value_floats')]));
  if (n.has('value_int')) return n.constant(int64([n.attr('value_int')], []));
  if (n.has('value_ints')) return n.constant(int64(n.list('value_ints')));
  throw n.unsupported('a constant of another kind than a tensor or numbers');
};

export const SHAPE_RULES: Readonly<Record<string, Rule>> = {
  Concat: concat,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Expand: expand,
  Flatten: flatten,
  Gather: gather,
  GatherElements: gatherElements,
  Identity: (n) => n.input(0),
  Range: range,
  Reshape: reshape,
  Shape: shape,
  Size: size,
  Slice: slice,
  Split: split,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: transpose,
  Trilu: trilu,
  Unsqueeze: unsqueeze,
};
