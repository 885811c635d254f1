import type { ComparisonRow } from './comparison.js';

/** Rows as they were given (the model's order), or the lowest SQNR first. */
export type RowOrder = 'given' | 'worst';

/** The rows in an order. NaN counts as the worst of all: something is broken there. */
export function inOrder(rows: readonly ComparisonRow[], order: RowOrder): readonly ComparisonRow[] {
  if (order === 'given') return rows;
  const key = ({ sqnr }: ComparisonRow): number => (Number.isNaN(sqnr) ? Number.NEGATIVE_INFINITY : sqnr);
  return [...rows].sort((a, b) => (key(a) === key(b) ? 0 : key(a) < key(b) ? -1 : 1));
}
