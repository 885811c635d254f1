import type { Tensor } from '@octavo/core';
import { leafTensor } from './leaf-nodes.js';
import type { Node } from './node.js';

/** Codes with a scale, and perhaps a zero point, for each block along one of their axes. */
interface BlockWeight {
  readonly codes: Tensor;
  readonly scales: Tensor;
  readonly zeroPoints: Tensor | null;
  readonly axis: number;
  readonly blockSize: number;
}

/** What octavo::dequantize_linear over blocks reads, where all of it is constant; undefined for any other node. */
export function blockWeightOf({ op, attrs, inputs }: Node): BlockWeight | undefined {
  const blockSize = attrs.blockSize as number;
  if (op !== 'octavo::dequantize_linear' || !blockSize) return undefined;
  const [codes, scales, zeroPoints] = inputs.map((input) => input && leafTensor(input));
  if (!codes || !scales || zeroPoints === undefined) return undefined;
  if (codes.type !== 'uint8' && codes.type !== 'int8') return undefined;
  const rank = codes.raw.dims.length;
  return { codes, scales, zeroPoints, axis: ((attrs.axis as number) + rank) % rank, blockSize };
}

/** True for floats of constant codes in blocks. */
export function isBlockWeight(node: Node): boolean {
  return blockWeightOf(node) !== undefined;
}
