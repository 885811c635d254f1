import { isPackedParams, Q, type Tensor } from '@octavo/core';
import type { Comparable } from '@octavo/observers';
import { leafOperand, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { RECURRENT_FORMS } from '../passes/fuse-recurrent-dynamic.js';
import { codesOf, quantizeBehind } from '../passes/pack-weight.js';
import { floatOpOf } from './float-op.js';

/** Ops that read a packed table, which is their first operand as the float table is, with the bits of its codes. */
const TABLE_BITS: Readonly<Record<string, 8 | 4>> = { 'quantized::embedding_byte': 8, 'quantized::embedding_4bit': 4 };

/** Which operands of a node are its weights: recurrent layers have one for the input and one for h. */
export function weightIndices({ op }: Node): readonly number[] {
  if (Object.hasOwn(RECURRENT_FORMS, floatOpOf(op))) return [1, 2];
  return Object.hasOwn(TABLE_BITS, op) || op === 'aten::embedding' ? [0] : [1];
}

/**
 * What a node's weight is quantized to: packed, in a table of codes, or by a quantize node in debug mode; or undefined.
 * `index` is one of `weightIndices`, by default the first.
 */
export function quantizedWeight(node: Node, index = weightIndices(node)[0] as number): Comparable | undefined {
  const value = node.inputs[index];
  if (!value) return undefined;
  const operand = leafOperand(value);
  if (isPackedParams(operand)) return operand.weight;
  const bits = TABLE_BITS[node.op];
  if (bits !== undefined && operand !== undefined) return Q.embeddingUnpack(operand as Tensor, { bits });
  const quantize = quantizeBehind(value);
  return quantize && leafTensor(quantize.input(0)) !== undefined ? codesOf(quantize) : undefined;
}
