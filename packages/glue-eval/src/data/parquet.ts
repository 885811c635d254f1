import { OctavoError } from '@octavo/core';
import { type PairExample, parseLabel } from './pair-example.js';

const REQUIRED_COLUMNS = ['sentence1', 'sentence2', 'label'] as const;

/**
 * Reads labelled pairs from a Parquet file with the columns GLUE has on the Hugging Face hub: `sentence1`,
 * `sentence2` (text), `label` (integer) and `idx` (integer; where it is absent, rows are numbered from 0).
 * Examples come in the order of the file. Any compression that Parquet knows.
 *
 * @throws OctavoError FILE_NOT_FOUND; INVALID_FILE for a file that is no Parquet file, is truncated or lacks a column;
 *   INVALID_DATA for a sentence that is no text or a label other than 0 or 1. Messages name file, row (from 0), column.
 */
export async function readPairsParquet(file: string): Promise<PairExample[]> {
  const { columns, rows } = await readParquet(file);
  const missing = REQUIRED_COLUMNS.find((name) => !columns.includes(name));
  if (missing !== undefined) {
    throw new OctavoError(
      'INVALID_FILE',
      `${file}: expected a column '${missing}', got the columns '${columns.join("', '")}'; rename the columns as GLUE has them: '${REQUIRED_COLUMNS.join("', '")}'`,
      { details: { file, column: missing, columns } },
    );
  }
  return rows.map((row, index) => ({
    id: String(row.idx ?? index),
    first: textCell(row.sentence1, file, index, 'sentence1'),
    second: textCell(row.sentence2, file, index, 'sentence2'),
    label: parseLabel(row.label, `${file}, row ${index}, column 'label'`),
  }));
}

async function readParquet(file: string): Promise<{ columns: string[]; rows: Record<string, unknown>[] }> {
  // Loaded only when a Parquet file is read: they are ES modules only, and decompressors are not small.
  const [{ asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema }, { compressors }] =
    await Promise.all([import('hyparquet'), import('hyparquet-compressors')]);
  try {
    const buffer = await asyncBufferFromFile(file);
    const metadata = await parquetMetadataAsync(buffer);
    const columns = parquetSchema(metadata).children.map((child) => child.element.name);
    const rows = await parquetReadObjects({ file: buffer, metadata, compressors });
    return { columns, rows };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new OctavoError('FILE_NOT_FOUND', `${file}: expected a Parquet file, got none; check the path`, {
        details: { file },
        cause,
      });
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OctavoError(
      'INVALID_FILE',
      `${file}: expected a whole Parquet file, got one that cannot be read (${reason}); download it again`,
      { details: { file }, cause },
    );
  }
}

function textCell(cell: unknown, file: string, row: number, column: string): string {
  if (typeof cell === 'string') return cell;
  const got = cell === null || cell === undefined ? 'nothing' : `a value of type ${typeof cell}`;
  throw new OctavoError(
    'INVALID_DATA',
    `${file}, row ${row}, column '${column}': expected text, got ${got}; correct or remove this example`,
    { details: { file, row, column } },
  );
}
