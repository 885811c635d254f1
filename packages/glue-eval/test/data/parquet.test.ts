import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readPairsParquet } from '../../src/data/parquet.js';
import { pairsParquet, parquetFile } from './parquet-file.js';
import { temporaryFolder } from './temporary-folder.js';

async function fileWith(content: Uint8Array): Promise<string> {
  return join(await temporaryFolder({ 'dev.parquet': content }), 'dev.parquet');
}

const text = (name: string, data: (string | null)[]) => ({ name, data, type: 'STRING' as const });
const integers = (name: string, data: number[]) => ({ name, data: data.map(BigInt), type: 'INT64' as const });

const ROWS: [string, string, number, number][] = [
  ['The mill closed.', 'The mill has shut.', 1, 9],
  ['Crème "brûlée" – 東京', 'tab\tand\nline', 0, 16],
];
const EXAMPLES = [
  { id: '9', first: 'The mill closed.', second: 'The mill has shut.', label: 1 },
  { id: '16', first: 'Crème "brûlée" – 東京', second: 'tab\tand\nline', label: 0 },
];

/** One Zstandard frame with one raw block (RFC 8878): Node 20 has no compressor of its own. */
function storeAsZstandard(bytes: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(12 + bytes.length);
  frame.writeUInt32LE(0xfd2fb528, 0); // magic number
  frame.writeUInt8(0xa0, 4); // single segment, content size in 4 bytes
  frame.writeUInt32LE(bytes.length, 5);
  frame.writeUIntLE((bytes.length << 3) | 1, 9, 3); // size, raw, last block
  frame.set(bytes, 12);
  return frame;
}

describe('readPairsParquet', () => {
  it('reads pairs in the order of the file, whatever a TSV could not hold', async () => {
    expect(await readPairsParquet(await fileWith(pairsParquet(ROWS)))).toEqual(EXAMPLES);
  });

  it('reads files without compression', async () => {
    const file = await fileWith(pairsParquet(ROWS, { codec: 'UNCOMPRESSED' }));
    expect(await readPairsParquet(file)).toEqual(EXAMPLES);
  });

  it('reads gzip, which the reader itself does not know', async () => {
    const compressors = { GZIP: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)) };
    const file = await fileWith(pairsParquet(ROWS, { codec: 'GZIP', compressors }));
    expect(await readPairsParquet(file)).toEqual(EXAMPLES);
  });

  it('reads Zstandard, which the reader itself does not know', async () => {
    const file = await fileWith(pairsParquet(ROWS, { codec: 'ZSTD', compressors: { ZSTD: storeAsZstandard } }));
    expect(await readPairsParquet(file)).toEqual(EXAMPLES);
  });

  it('reads many row groups', async () => {
    const rows = Array.from({ length: 50 }, (_, i): [string, string, number, number] => [`a${i}`, `b${i}`, i % 2, i]);
    const examples = await readPairsParquet(await fileWith(pairsParquet(rows, { rowGroupSize: 7 })));
    expect(examples.map((example) => example.id)).toEqual(rows.map((row) => String(row[3])));
    expect(examples[49]).toEqual({ id: '49', first: 'a49', second: 'b49', label: 1 });
  });

  it('numbers rows where there is no idx', async () => {
    const file = await fileWith(
      parquetFile([text('sentence1', ['a']), text('sentence2', ['b']), integers('label', [1])]),
    );
    expect(await readPairsParquet(file)).toEqual([{ id: '0', first: 'a', second: 'b', label: 1 }]);
  });

  it('names a missing column and shows those that are there', async () => {
    const file = await fileWith(
      parquetFile([text('sentence1', ['a']), text('question', ['b']), integers('label', [1])]),
    );
    await expect(readPairsParquet(file)).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining(
        `${file}: expected a column 'sentence2', got the columns 'sentence1', 'question', 'label'`,
      ),
    });
  });

  it('refuses a label other than 0 and 1 with row and column', async () => {
    const file = await fileWith(
      pairsParquet([
        ['a', 'b', 1, 0],
        ['c', 'd', 3, 1],
      ]),
    );
    await expect(readPairsParquet(file)).rejects.toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringContaining(`${file}, row 1, column 'label': expected the label 0 or 1, got '3'`),
    });
    const hidden = await fileWith(pairsParquet([['a', 'b', -1, 0]]));
    await expect(readPairsParquet(hidden)).rejects.toThrow("hidden label of GLUE's test split");
  });

  it('refuses labels that are text, and sentences that are none', async () => {
    const labels = parquetFile([text('sentence1', ['a']), text('sentence2', ['b']), text('label', ['entailment'])]);
    await expect(readPairsParquet(await fileWith(labels))).rejects.toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringContaining("got 'entailment', which is no number"),
    });
    const gap = parquetFile([text('sentence1', ['a', 'b']), text('sentence2', ['b', null]), integers('label', [1, 1])]);
    await expect(readPairsParquet(await fileWith(gap))).rejects.toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringContaining("row 1, column 'sentence2': expected text, got nothing"),
    });
  });

  it('refuses a truncated file, another format, an empty file, and a file that is not there', async () => {
    const whole = pairsParquet(ROWS);
    const file = await fileWith(whole);
    for (const content of [whole.subarray(0, whole.length - 20), Buffer.from('Quality\t#1 ID\n'), Buffer.alloc(0)]) {
      await writeFile(file, content);
      await expect(readPairsParquet(file)).rejects.toMatchObject({
        code: 'INVALID_FILE',
        message: expect.stringContaining(`${file}: expected a whole Parquet file`),
      });
    }
    await expect(readPairsParquet(`${file}.gone`)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});
