import type { Row } from '../row.js';
import { times } from './units.js';

/** Lowest int8-over-float speed-up that graph mode owes at 8x128, by instruction set. */
const GRAPH_SPEEDUP: Readonly<Record<string, string>> = { avx2: '1.1, aim 1.3', avx512vnni: '2.2' };

/** What the rows say by name: the ratios that the project promises. Lines without their rows are left out. */
export function ratioLines(rows: readonly Row[]): string[] {
  const lines: [what: string, value: string, owed: string][] = [];
  for (const row of rows) {
    const { name, isa } = row;
    if (/^\S+ 8x128$/.test(name)) {
      const owed = GRAPH_SPEEDUP[isa];
      const int8 = times(row.oursFloatMs, row.oursMs);
      lines.push([
        `int8 graph over float graph, ${name}`,
        int8,
        owed === undefined ? '' : `at least ${owed} with ${isa}`,
      ]);
      const share = times(row.oursFloatMs, row.ortFloatMs);
      lines.push([`our float's time over ONNX Runtime's float's, ${name}`, share, 'at most 1.3']);
    }
    if (row.graphMs !== undefined) {
      lines.push([
        `eager int8's time over graph int8's, ${name.replace(' eager', '')}`,
        times(row.oursMs, row.graphMs),
        'at most 1.15',
      ]);
    }
    if (row.peakMb !== undefined) {
      const { ours, oursFloat, ortInt8, ortFloat } = row.peakMb;
      for (const [what, mine, theirs] of [
        ['int8', ours, ortInt8],
        ['float', oursFloat, ortFloat],
      ] as const) {
        lines.push([
          `peak memory over ONNX Runtime's, ${what}, ${name}`,
          times(mine, theirs),
          `${mine.toFixed(0)} and ${theirs.toFixed(0)} MB`,
        ]);
      }
    }
    if (row.oneThreadMs !== undefined) {
      lines.push([
        `${row.threads} threads over one, int8, ${name.replace(/,.*/, '')}`,
        times(row.oneThreadMs, row.oursMs),
        '',
      ]);
    }
  }
  const width = Math.max(0, ...lines.map(([what]) => what.length));
  return lines.map(([what, value, owed]) => `${what.padEnd(width)}  ${value.padStart(8)}  ${owed}`.trimEnd());
}
