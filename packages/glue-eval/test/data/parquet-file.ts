import { parquetWriteBuffer } from 'hyparquet-writer';

type Columns = Parameters<typeof parquetWriteBuffer>[0]['columnData'];
type Options = Omit<Parameters<typeof parquetWriteBuffer>[0], 'columnData'>;

export function parquetFile(columnData: Columns, options: Options = {}): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({ columnData, ...options }));
}

/** A file with the columns and types that GLUE's pairs have on the hub. */
export function pairsParquet(rows: [string, string, number, number][], options: Options = {}): Uint8Array {
  return parquetFile(
    [
      { name: 'sentence1', data: rows.map((row) => row[0]), type: 'STRING' },
      { name: 'sentence2', data: rows.map((row) => row[1]), type: 'STRING' },
      { name: 'label', data: rows.map((row) => BigInt(row[2])), type: 'INT64' },
      { name: 'idx', data: rows.map((row) => row[3]), type: 'INT32' },
    ],
    options,
  );
}
