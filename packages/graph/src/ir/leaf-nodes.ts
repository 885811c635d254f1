import { ConvPackedParams, LinearPackedParams, type Operand, Tensor } from '@octavo/core';
import type { Node, NodeSpec } from './node.js';
import type { Value } from './value.js';
import { PACKED, tensorType, type ValueType } from './value-type.js';

// The nodes that stand for data: parameters by qualified name, and constants that have no name.

export const GET_ATTR = 'prim::GetAttr';
export const CONSTANT = 'prim::Constant';

/** Reads the parameter `name`. */
export function attributeSpec(name: string, operand: Operand): NodeSpec {
  const hint = name.slice(name.lastIndexOf('.') + 1);
  return { op: GET_ATTR, inputs: [], outputs: [{ type: typeOf(operand), hint }], attrs: { name } };
}

export function constantSpec(tensor: Tensor): NodeSpec {
  return { op: CONSTANT, inputs: [], outputs: [{ type: typeOf(tensor) }], attrs: { value: tensor } };
}

export function typeOf(operand: Operand): ValueType {
  if (ConvPackedParams.is(operand)) return { kind: 'packed', convRank: operand.rank };
  return LinearPackedParams.is(operand) ? PACKED : tensorType(operand.type, operand.raw.dims);
}

/** The qualified name that a `prim::GetAttr` reads. */
export function attributeName(node: Node): string {
  return node.attrs.name as string;
}

/** Whether a value is a parameter or a constant. */
export function isLeaf({ node }: Value): boolean {
  return node.op === GET_ATTR || node.op === CONSTANT;
}

/** What a leaf value holds, or undefined for a value that is computed or fed. */
export function leafOperand({ node }: Value): Operand | undefined {
  if (node.op === CONSTANT && Tensor.is(node.attrs.value)) return node.attrs.value;
  return node.op === GET_ATTR ? node.graph.parameters.get(attributeName(node)) : undefined;
}

/** The tensor of a leaf value, or undefined. */
export function leafTensor(value: Value): Tensor | undefined {
  const operand = leafOperand(value);
  return Tensor.is(operand) ? operand : undefined;
}
