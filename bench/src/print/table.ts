import type { Row } from '../row.js';
import { percent, time, times } from './units.js';

interface Column {
  /** Two lines of heading. */
  readonly title: readonly [string, string];
  text(row: Row): string;
}

const COLUMNS: readonly Column[] = [
  { title: ['our', 'int8'], text: (row) => time(row.oursMs) },
  { title: ['our', 'float'], text: (row) => time(row.oursFloatMs) },
  { title: ['ORT', 'int8'], text: (row) => time(row.ortInt8Ms) },
  { title: ['ORT', 'float'], text: (row) => time(row.ortFloatMs) },
  { title: ['int8 over', 'ORT int8'], text: (row) => times(row.ortInt8Ms, row.oursMs) },
  { title: ['int8 over', 'ORT float'], text: (row) => times(row.ortFloatMs, row.oursMs) },
  { title: ['int8 over', 'our float'], text: (row) => times(row.oursFloatMs, row.oursMs) },
  { title: ['float over', 'ORT float'], text: (row) => times(row.ortFloatMs, row.oursFloatMs) },
  { title: ['share', 'of peak'], text: (row) => percent(row.peakShare) },
  { title: ['our int8', 'error'], text: (row) => percent(row.oursInt8Error) },
  { title: ['ORT int8', 'error'], text: (row) => percent(row.ortInt8Error) },
];

const WIDTH = 10;

/** What the columns mean, and their titles behind names of at most `nameWidth` letters. */
export function tableHead(nameWidth: number): string {
  return [
    'Times are medians of turns taken one after the other. "a over b": how many times faster a is. Peak: of int8.',
    'Error: distance of int8 from float of the same library, |a - b| / |b|.',
    '',
    line(
      '',
      COLUMNS.map(({ title }) => title[0]),
      nameWidth,
    ),
    line(
      '',
      COLUMNS.map(({ title }) => title[1]),
      nameWidth,
    ),
  ].join('\n');
}

export function tableLine(row: Row, nameWidth: number): string {
  return line(
    row.name,
    COLUMNS.map((column) => column.text(row)),
    nameWidth,
  );
}

function line(name: string, cells: readonly string[], nameWidth: number): string {
  return [name.padEnd(nameWidth), ...cells.map((cell) => cell.padStart(WIDTH))].join(' ').trimEnd();
}
