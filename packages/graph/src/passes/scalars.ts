import { sizeOf } from '@octavo/core';
import { leafTensor } from '../ir/leaf-nodes.js';
import type { Value } from '../ir/value.js';

/** The number in a float32 constant of one element that raises no other operand's rank above 1; else undefined. */
export function scalarOf(value: Value): number | undefined {
  const tensor = leafTensor(value);
  if (tensor?.type !== 'float32' || sizeOf(tensor.raw.dims) !== 1 || tensor.raw.dims.length > 1) return undefined;
  return tensor.raw.data[0] as number;
}
