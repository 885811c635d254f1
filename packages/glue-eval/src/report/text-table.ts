import type { Evaluation } from '../eval/evaluation.js';
import { columnsOf } from './columns.js';

/** The result for a terminal: what was evaluated, then one line a mode and qconfig. */
export function renderText({ summary, task }: Evaluation): string {
  const columns = columnsOf(task);
  const cells = [
    columns.map(({ title }) => title),
    ...summary.modes.map((row) => columns.map(({ cell }) => cell(row))),
  ];
  const widths = columns.map((_, c) => Math.max(...cells.map((line) => (line[c] as string).length)));
  const lines = cells.map((line) =>
    line
      .map((cell, c) =>
        columns[c]?.align === 'right' ? cell.padStart(widths[c] as number) : cell.padEnd(widths[c] as number),
      )
      .join('  ')
      .trimEnd(),
  );
  const note = summary.note === undefined ? [] : [`Note: ${summary.note}`];
  return [...note, describe(summary), '', ...lines, ''].join('\n');
}

/** One line that says what the table is about. */
export function describe({ model, task, split, examples, backend }: Evaluation['summary']): string {
  const threads = `${backend.threads} ${backend.threads === 1 ? 'thread' : 'threads'}`;
  return `${model} on ${task} (${split}, ${examples} examples), backend ${backend.name} ${backend.isa}, ${threads}`;
}
