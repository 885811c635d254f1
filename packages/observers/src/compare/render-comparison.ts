import { COMPARISON_COLUMNS, decibels } from './columns.js';
import type { ComparisonRow } from './comparison.js';
import { inOrder, type RowOrder } from './row-order.js';

/** The comparison as a table in plain text, one line a row, and a last line that names the worst. */
export function renderComparison(
  rows: readonly ComparisonRow[],
  { order = 'given' }: { order?: RowOrder } = {},
): string {
  // A column that says nothing is left out: weights may have no op.
  const columns = COMPARISON_COLUMNS.filter(({ cell }) => rows.some((row) => cell(row) !== ''));
  const cells = [
    columns.map(({ title }) => title),
    ...inOrder(rows, order).map((row) => columns.map(({ cell }) => cell(row))),
  ];
  const widths = columns.map((_, c) => Math.max(...cells.map((line) => (line[c] as string).length)));
  const lines = cells.map((line) =>
    line
      .map((cell, c) => {
        const width = widths[c] as number;
        return columns[c]?.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
  const [worst] = inOrder(rows, 'worst');
  if (worst === undefined) return 'nothing to compare';
  return [...lines, `lowest of ${rows.length}: ${decibels(worst.sqnr)}${unit(worst)} at ${named(worst)}`].join('\n');
}

function unit({ sqnr }: ComparisonRow): string {
  return Number.isFinite(sqnr) ? ' dB' : '';
}

function named({ name, kind }: ComparisonRow): string {
  return `${name === '' ? '(model)' : name} (${kind})`;
}
