import type { ComparisonRow } from './comparison.js';

/**
 * The rows for machines. JSON has no infinities: the SQNR of equal tensors is the string "Infinity", and `Number` reads
 * it.
 */
export function comparisonJson(rows: readonly ComparisonRow[]): string {
  const plain = (_key: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  return `${JSON.stringify(rows, plain, 2)}\n`;
}
