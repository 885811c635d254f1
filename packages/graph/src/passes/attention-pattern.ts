import { Tensor } from '@octavo/core';
import type { Dim } from '../import/facts.js';
import type { Graph } from '../ir/graph.js';
import { constantSpec } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { tensorType } from '../ir/value-type.js';
import { scalarOf } from './scalars.js';
import type { Shapes } from './shapes.js';

// What is common to the forms in which exporters write softmax(q k^T * scale + masks) v.

/** What is added to scores; or a condition, and whether they are kept or filled with a very low number where it holds. */
export type Mask = Value | { readonly condition: Value; readonly keeps: boolean; readonly filler: Value };

interface Weighted {
  readonly softmax: Node;
  /** Whether probabilities that are NaN count as 0. */
  readonly guarded: boolean;
}

/** The softmax over the last of `rank` axes that a product weighs values with; undefined for another product. */
export function weightedSoftmax(weighted: Node, rank: number): Weighted | undefined {
  if (weighted.op !== 'aten::matmul') return undefined;
  const guard = guardOf(weighted);
  const softmax = guard === undefined ? weighted.input(0).node : guard.input(2).node;
  const { dim } = softmax.attrs;
  if (softmax.op !== 'aten::softmax' || (dim !== -1 && dim !== rank - 1)) return undefined;
  return guard !== undefined || isOwn(softmax, weighted) ? { softmax, guarded: guard !== undefined } : undefined;
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

/** The value that a mask reads, whose dims are the mask's. */
export function operandOf(mask: Mask): Value {
  return 'condition' in mask ? mask.condition : mask;
}

/** A score filled with a number below this counts for nothing beside any other, as one that the number is added to does. */
const VERY_LOW = -1e30;

/**
 * What `product` finds of the scores in a value that `reader` alone reads, and their masks, the innermost first: the scores
 * without a mask, else with one as either term, or where a condition picks them.
 */
export function maskedScores<T>(
  value: Value,
  reader: Node,
  product: (value: Value, reader: Node) => T | undefined,
): (T & { readonly masks: readonly Mask[] }) | undefined {
  const plain = product(value, reader);
  if (plain !== undefined) return { ...plain, masks: [] };
  const { node } = value;
  if (value.isInput || value.onlyUser !== reader) return undefined;
  if (node.op === 'aten::where') {
    for (const index of [1, 2]) {
      const filler = node.input(3 - index);
      const low = scalarOf(filler);
      const isFilled = low !== undefined && low < VERY_LOW;
      const scores = isFilled ? maskedScores(node.input(index), node, product) : undefined;
      const mask = { condition: node.input(0), keeps: index === 1, filler };
      if (scores !== undefined) return { ...scores, masks: [...scores.masks, mask] };
    }
  }
  if (node.op !== 'aten::add') return undefined;
  for (const index of [0, 1]) {
    const scores = maskedScores(node.input(index), node, product);
    if (scores !== undefined) return { ...scores, masks: [...scores.masks, node.input(1 - index)] };
  }
  return undefined;
}

/** A value without the constant factors and divisors it was multiplied with; `reader` alone may read each of them. */
export function unscaled(value: Value, reader?: Node) {
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

/** Whether `reader` alone reads a node. */
export function isOwn(node: Node, reader: Node): boolean {
  return node.output.onlyUser === reader;
}

/** Whether two lists of dims are known and the same. */
export function isSame(a: readonly Dim[] | null, b: readonly Dim[] | null): boolean {
  return a !== null && b !== null && a.join() === b.join();
}

/**
 * Each dim is 1 or that of the scores. The last one need not be proven: the product with v, whose length is that of the
 * keys, takes no other.
 */
export function fitsMask(mask: readonly Dim[] | null, scores: readonly Dim[]): boolean {
  if (mask === null || mask.length > 4) return false;
  const upper = mask.slice(0, -1);
  return upper.every((dim, i) => dim === 1 || dim === scores[3 - upper.length + i]);
}

/** The sum of the masks, each with dims of 1 in front; null without any. */
export function maskSum(graph: Graph, masks: readonly Mask[], before: Node, shapes: Shapes): Value | null {
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

/** 0 where the value is NaN. A query whose keys are all masked with -inf has NaN for each of its probabilities and results. */
export function withoutNaN(graph: Graph, value: Value, before: Node): Value {
  const { type } = value;
  const insert = (op: string, inputs: Value[], dtype: 'bool' | 'float32'): Value => {
    const dims = type.kind === 'tensor' ? type.dims : null;
    return graph.insert({ op, inputs, outputs: [{ type: tensorType(dtype, dims) }], scope: before.scope }, before)
      .output;
  };
  const zero = graph.insert(constantSpec(Tensor.from(0)), before).output;
  return insert('aten::where', [insert('aten::eq', [value, value], 'bool'), value, zero], 'float32');
}
