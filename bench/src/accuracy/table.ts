import { readFile, writeFile } from 'node:fs/promises';
import type { RowResult } from './measure-row.js';

/** Rows as a Markdown table; the first is the float one. */
export function renderTable(rows: ReadonlyMap<string, RowResult>, examples: number): string {
  const [[, float]] = rows as unknown as [[string, RowResult]];
  const titles = Object.keys(float.scores);
  const head = ['row', 'size, MB', ...titles, `labels changed of ${examples}`, 'SQNR of the logits, dB', 'ms a batch'];
  const lines = [...rows].map(([name, { bytes, scores, changed, sqnr, ms }]) => [
    name === 'float' ? name : `\`${name}\``,
    (bytes / 1e6).toFixed(1),
    ...titles.map((title) => (scores[title] as number).toFixed(4)),
    name === 'float' ? '' : String(changed),
    name === 'float' ? '' : sqnr.toFixed(1),
    ms.toFixed(0),
  ]);
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Puts a table between a page's `<!-- accuracy NAME -->` and `<!-- end -->`. */
export async function replaceTable(file: string, name: string, table: string): Promise<void> {
  const page = await readFile(file, 'utf8');
  const begin = `<!-- accuracy ${name} -->`;
  const [start, end] = [page.indexOf(begin), page.indexOf('<!-- end -->', page.indexOf(begin))];
  if (start < 0 || end < 0) throw new Error(`${file} has no ${begin} with <!-- end --> behind it`);
  await writeFile(file, `${page.slice(0, start)}${begin}\n\n${table}\n\n${page.slice(end)}`);
}
