import { readFile } from 'node:fs/promises';
import { OctavoError } from '@octavo/core';
import { type PairExample, parseLabel, shorten } from './pair-example.js';

/** A TSV file in memory: `rows[i].fields` has one entry for each of `columns`. */
export interface TsvTable {
  file: string;
  columns: string[];
  /** `line` counts from 1 and the header is line 1, as editors show it. */
  rows: { line: number; fields: string[] }[];
}

/** The columns of GLUE's MRPC files. */
const MRPC = {
  label: 'Quality',
  firstId: '#1 ID',
  secondId: '#2 ID',
  first: '#1 String',
  second: '#2 String',
} as const;

/**
 * Splits GLUE's kind of TSV: UTF-8, one header line, fields separated by tabs. There is no quoting, so a `"` is a
 * character like any other, and a field can hold neither a tab nor a line break.
 *
 * @param file path, for messages
 * @throws OctavoError INVALID_FILE when the file is empty, a column is named twice, or a line has another number of
 *   fields than the header.
 */
export function parseTsv(text: string, file: string): TsvTable {
  // GLUE's own download begins with a byte order mark.
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  if (lines.at(-1) === '') lines.pop();
  const [header, ...rest] = lines.map((line) => line.replace(/\r$/, '').split('\t'));
  if (header === undefined || header.join('').trim() === '') {
    throw new OctavoError('INVALID_FILE', `${file}, line 1: expected a header with column names, got an empty line`, {
      details: { file, line: 1 },
    });
  }
  const repeated = header.find((name, index) => header.indexOf(name) !== index);
  if (repeated !== undefined) {
    throw new OctavoError('INVALID_FILE', `${file}, line 1: column '${repeated}' is named twice; rename one of them`, {
      details: { file, line: 1, column: repeated },
    });
  }
  const rows = rest.map((fields, index) => {
    const line = index + 2;
    if (fields.length !== header.length) throw wrongFieldCount(file, line, header, fields);
    return { line, fields };
  });
  return { file, columns: header, rows };
}

/**
 * Reads labelled pairs from a TSV file with the columns of GLUE's MRPC: `Quality` (the label), `#1 ID`, `#2 ID`,
 * `#1 String`, `#2 String`, in any order; others are ignored. Examples come in the order of the file.
 *
 * @throws OctavoError FILE_NOT_FOUND; INVALID_FILE for text that is not UTF-8, a missing column or a line with too
 *   many or too few fields; INVALID_DATA for a label other than 0 or 1. Each names file, line and column.
 */
export async function readPairsTsv(file: string): Promise<PairExample[]> {
  const table = parseTsv(decodeUtf8(await readBytes(file), file), file);
  const label = columnIndex(table, MRPC.label);
  const firstId = columnIndex(table, MRPC.firstId);
  const secondId = columnIndex(table, MRPC.secondId);
  const first = columnIndex(table, MRPC.first);
  const second = columnIndex(table, MRPC.second);
  return table.rows.map(({ line, fields }) => ({
    id: `${fields[firstId]}-${fields[secondId]}`,
    first: fields[first] as string,
    second: fields[second] as string,
    label: parseLabel(fields[label], `${file}, line ${line}, column '${MRPC.label}'`),
  }));
}

function columnIndex(table: TsvTable, name: string): number {
  const index = table.columns.indexOf(name);
  if (index >= 0) return index;
  const found = table.columns.map((column) => `'${shorten(column)}'`).join(', ');
  const expected = Object.values(MRPC).join("', '");
  throw new OctavoError(
    'INVALID_FILE',
    `${table.file}, line 1: expected a column '${name}', got the columns ${found}; the header must name, separated by tabs, '${expected}'`,
    { details: { file: table.file, line: 1, column: name, columns: table.columns } },
  );
}

function wrongFieldCount(file: string, line: number, header: string[], fields: string[]): OctavoError {
  const got = fields.length === 1 && fields[0] === '' ? 'an empty line' : `${fields.length}`;
  const first = header[fields.length];
  const problem =
    first === undefined
      ? `a tab too many after column '${header.at(-1)}'`
      : `column '${first}' and what follows it are missing`;
  return new OctavoError(
    'INVALID_FILE',
    `${file}, line ${line}: expected ${header.length} fields separated by tabs, got ${got}: ${problem}; a sentence may hold no tab and no line break`,
    { details: { file, line, expected: header.length, got: fields.length } },
  );
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new OctavoError('FILE_NOT_FOUND', `${file}: expected a readable TSV file, got ${reason}; check the path`, {
      details: { file },
      cause,
    });
  }
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new OctavoError('INVALID_FILE', `${file}: expected UTF-8 text, got other bytes; convert the file to UTF-8`, {
      details: { file },
      cause,
    });
  }
}
