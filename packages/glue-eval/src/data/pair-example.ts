import { OctavoError } from '@octavo/core';

/** One labelled pair of sentences. */
export interface PairExample {
  /** Names the pair within its split: `#1 ID` and `#2 ID` joined by a dash (TSV), `idx` (Parquet). */
  id: string;
  first: string;
  second: string;
  /** 1 where the sentences mean the same, else 0. */
  label: number;
}

/**
 * A label cell as 0 or 1. Takes what TSV and Parquet files hold: text, numbers, and bigint for int64 columns.
 *
 * @param where file, line or row, and column: the head of the message
 * @throws OctavoError INVALID_DATA, saying whether the cell is empty, no number, or a number other than 0 and 1.
 */
export function parseLabel(cell: unknown, where: string): number {
  const text = typeof cell === 'string' ? cell.trim() : String(cell);
  // '1.0' is what data frames write for an integer column that once held a gap.
  if (/^[01](\.0*)?$/.test(text)) return Number(text);

  const details = { where, label: typeof cell === 'bigint' ? text : cell };
  if (text === '-1') {
    throw new OctavoError(
      'INVALID_DATA',
      `${where}: expected the label 0 or 1, got -1, which marks a hidden label of GLUE's test split; use a split with labels, such as dev`,
      { details },
    );
  }
  const isNumber = text !== '' && Number.isFinite(Number(text));
  const got = cell === null || cell === undefined || text === '' ? 'nothing' : `'${shorten(text)}'`;
  throw new OctavoError(
    'INVALID_DATA',
    `${where}: expected the label 0 or 1, got ${got}${isNumber || got === 'nothing' ? '' : ', which is no number'}; correct or remove this example`,
    { details },
  );
}

/** `text` cut to what fits into one line of a message. */
export function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`;
}
