import type { CoverageReport } from './coverage-report.js';

const HEADERS = ['path', 'op', 'precision', 'reason'] as const;

/** The report as a table in plain text, one line a layer, and a last line that sums up. */
export function renderCoverage({ rows, int8Share }: CoverageReport): string {
  const cells = rows.map(({ path, op, precision, reason }) => [path === '' ? '(model)' : path, op, precision, reason]);
  const widths = HEADERS.map((header, i) => Math.max(header.length, ...cells.map((row) => (row[i] as string).length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] as number)))
      .join('  ')
      .trimEnd();
  const int8 = rows.filter(({ precision }) => precision === 'int8').length;
  const share = `${(100 * int8Share).toFixed(1)} % of the known multiply-adds`;
  return [line(HEADERS), ...cells.map(line), `int8: ${int8} of ${rows.length} layers, ${share}`].join('\n');
}
