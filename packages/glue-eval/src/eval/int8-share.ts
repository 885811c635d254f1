import type { CoverageReport } from '@octavo/observers';
import type { EncodedBatch } from './batches.js';
import type { MultiplyAdds } from './workload.js';

const ATTENTION = ['octavo::multi_head_attention', 'aten::scaled_dot_product_attention'];

/** Multiply-adds as a report counts them: all, and those in int8. */
export function int8Share({ rows }: CoverageReport): MultiplyAdds {
  const sum = (counted: CoverageReport['rows']): number =>
    counted.reduce((total, { multiplyAdds: count = 0 }) => total + count, 0);
  return { all: sum(rows), int8: sum(rows.filter(({ precision }) => precision === 'int8')) };
}

/** How many keys a token attends to, on average over all tokens, padding included. */
export function keysPerToken(batches: readonly EncodedBatch[]): number {
  const tokens = batches.reduce((sum, { size, length }) => sum + size * length, 0);
  return batches.reduce((sum, { size, length }) => sum + size * length * length, 0) / tokens;
}

/**
 * Multiply-adds for one token: all of them, and those in int8. Attention, which a graph's report counts at the length
 * it was traced with, is counted at the length of the data.
 */
export function multiplyAdds(
  { rows }: CoverageReport,
  keys: number,
  tracedLength: number,
): { readonly all: number; readonly int8: number } {
  let all = 0;
  let int8 = 0;
  for (const { op, precision, multiplyAdds: count = 0 } of rows) {
    const scaled = ATTENTION.includes(op) ? (count * keys) / tracedLength : count;
    all += scaled;
    if (precision === 'int8') int8 += scaled;
  }
  return { all, int8 };
}
