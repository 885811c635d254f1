import type { ModeResult } from '../eval/evaluation.js';
import type { Task } from '../tasks/task.js';

/** One column of the result table, for terminals and for HTML. */
export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** The cell of a row; empty where the row has no such value. */
  cell(row: ModeResult): string;
}

/** The table of an evaluation on `task`: one column a fact, in reading order. */
export function columnsOf(task: Task): Column[] {
  return [
    { title: 'mode', align: 'left', cell: modeCell },
    { title: 'qconfig', align: 'left', cell: (row) => row.qconfig ?? '' },
    number('MB', (row) => row.sizeMB.toFixed(1)),
    ...task.metrics.map(({ key, title }) => number(title, (row) => row.metrics[key]?.toFixed(4) ?? '')),
    number('changed', (row) => (row.labelsChanged === null ? '' : String(row.labelsChanged))),
    number('seconds', (row) => significant(row.totalSeconds)),
    number('ms/example', (row) => significant(row.msPerExample)),
    number('ms/batch', (row) => significant(row.msPerBatch)),
    number('speed-up', (row) => (row.speedup === null ? '' : `${row.speedup.toFixed(2)}x`)),
    number('int8', (row) => `${Math.round(row.int8Share * 100)}%`),
  ];
}

/** `eager`, or what became of it in a file: `eager reloaded`, which is to have the same bits. */
function modeCell({ mode, reloaded }: ModeResult): string {
  if (reloaded === undefined) return mode;
  return reloaded.sameBits ? `${mode} reloaded` : `${mode} reloaded: OTHER BITS`;
}

/** About three digits, without an exponent: `0.0123`, `4.56`, `78.9`, `1234`. */
export function significant(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 6));
}

function number(title: string, cell: Column['cell']): Column {
  return { title, align: 'right', cell };
}
