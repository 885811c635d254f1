import { OctavoError } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Operand } from './op-def.js';

// What ops over tables of vectors share: indices, and the bags that offsets cut them into.

/** Elements of an int64 or int32 operand. */
export type Integers = BigInt64Array | Int32Array;

export function integers(operand: Operand | null | undefined): Integers {
  return (operand as Tensor<'int64' | 'int32'>).raw.data;
}

/** The index at a position, refused where the table of `rows` rows has none such. */
export function rowAt(op: string, indices: Integers, at: number, rows: number): number {
  const row = Number(indices[at]);
  if (row >= 0 && row < rows) return row;
  throw new OctavoError(
    'INVALID_DATA',
    `[${op}] index ${indices[at]} at position ${at} is outside the table's 0 to ${rows - 1}; does the table belong to this model?`,
    { details: { index: String(indices[at]), position: at, rows } },
  );
}

/** Where each bag starts among `count` indices, and at last where the last one ends. */
export function bagBounds(op: string, offsets: Integers, count: number, includeLast: boolean): number[] {
  const starts = Array.from(offsets, Number);
  if (!includeLast) starts.push(count);
  const wrong = starts.findIndex((start, i) => start < (starts[i - 1] ?? 0) || start > count);
  if (wrong >= 0 || (starts[0] as number) !== 0) {
    throw new OctavoError(
      'INVALID_DATA',
      `[${op}] offsets must begin at 0 and rise to at most ${count}, the number of indices; got ${offsets.join(', ')}`,
    );
  }
  return starts;
}
