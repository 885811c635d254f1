import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseTsv, readPairsTsv } from '../../src/data/tsv.js';
import { temporaryFolder } from './temporary-folder.js';

const HEADER = 'Quality\t#1 ID\t#2 ID\t#1 String\t#2 String';

async function fileWith(content: string | Uint8Array): Promise<string> {
  return join(await temporaryFolder({ 'dev.tsv': content }), 'dev.tsv');
}

async function failure(content: string | Uint8Array): Promise<{ code: string; message: string; details: object }> {
  const file = await fileWith(content);
  try {
    await readPairsTsv(file);
  } catch (error) {
    const { code, message, details } = error as { code: string; message: string; details: object };
    expect(message.startsWith(file), 'the message begins with the path of the file').toBe(true);
    return { code, message: message.slice(file.length), details };
  }
  throw new Error('expected readPairsTsv to fail');
}

describe('parseTsv', () => {
  it('numbers lines as an editor does', () => {
    const table = parseTsv('a\tb\n1\t2\n3\t4\n', 'x.tsv');
    expect(table.columns).toEqual(['a', 'b']);
    expect(table.rows).toEqual([
      { line: 2, fields: ['1', '2'] },
      { line: 3, fields: ['3', '4'] },
    ]);
  });

  it('knows no quoting', () => {
    const table = parseTsv('a\tb\n"He left\t"and ""stayed"\n', 'x.tsv');
    expect(table.rows[0]?.fields).toEqual(['"He left', '"and ""stayed"']);
  });

  it('takes a byte order mark, Windows line ends, and a last line without an end', () => {
    const table = parseTsv('\uFEFFa\tb\r\n1\t\r\n3\t4', 'x.tsv');
    expect(table.columns).toEqual(['a', 'b']);
    expect(table.rows.map((row) => row.fields)).toEqual([
      ['1', ''],
      ['3', '4'],
    ]);
  });

  it("splits at line feeds only, not at Unicode's other line ends", () => {
    expect(parseTsv('a\nx\u2028y\u0085z\n', 'x.tsv').rows).toEqual([{ line: 2, fields: ['x\u2028y\u0085z'] }]);
  });
});

describe('readPairsTsv', () => {
  it('reads pairs in the order of the file', async () => {
    const file = await fileWith(`${HEADER}\n1\t10\t11\tThe "first" one.\tOne, the first.\n0\t20\t21\tA\tB\n`);
    expect(await readPairsTsv(file)).toEqual([
      { id: '10-11', first: 'The "first" one.', second: 'One, the first.', label: 1 },
      { id: '20-21', first: 'A', second: 'B', label: 0 },
    ]);
  });

  it('finds columns by name, in any order and among others', async () => {
    const file = await fileWith('#2 String\tnote\t#1 String\t#2 ID\t#1 ID\tQuality\nsecond\tx\tfirst\t2\t1\t1\n');
    expect(await readPairsTsv(file)).toEqual([{ id: '1-2', first: 'first', second: 'second', label: 1 }]);
  });

  it('names the missing column and shows those that are there', async () => {
    const { code, message, details } = await failure('Quality\t#1 ID\t#2 ID\t#1 String\n1\t2\t3\tA\n');
    expect(code).toBe('INVALID_FILE');
    expect(message).toContain("line 1: expected a column '#2 String', got the columns 'Quality', '#1 ID'");
    expect(details).toMatchObject({ line: 1, column: '#2 String' });
  });

  it('says line and column where a field is missing or one too many', async () => {
    const missing = await failure(`${HEADER}\n1\t2\t3\tA\tB\n1\t2\t3\tA\n`);
    expect(missing.code).toBe('INVALID_FILE');
    expect(missing.message).toContain("line 3: expected 5 fields separated by tabs, got 4: column '#2 String'");

    const extra = await failure(`${HEADER}\n1\t2\t3\tA\tB\tC\n`);
    expect(extra.message).toContain(
      "line 2: expected 5 fields separated by tabs, got 6: a tab too many after column '#2",
    );

    const empty = await failure(`${HEADER}\n\n1\t2\t3\tA\tB\n`);
    expect(empty.message).toContain('line 2: expected 5 fields separated by tabs, got an empty line');
  });

  it.each([
    ['yes', "got 'yes', which is no number"],
    ['', 'got nothing'],
    ['2', "got '2';"],
    ['0x1', "got '0x1'"],
    ['0.5', "got '0.5'"],
    ['NaN', "got 'NaN', which is no number"],
    ['-1', "hidden label of GLUE's test split"],
  ])('refuses the label %j with line and column', async (label, text) => {
    const { code, message } = await failure(`${HEADER}\n1\t2\t3\tA\tB\n${label}\t2\t3\tA\tB\n`);
    expect(code).toBe('INVALID_DATA');
    expect(message).toContain("line 3, column 'Quality': expected the label 0 or 1");
    expect(message).toContain(text);
  });

  it.each(['1', ' 1 ', '1.0'])('takes the label %j as 1', async (label) => {
    const file = await fileWith(`${HEADER}\n${label}\t2\t3\tA\tB\n`);
    expect((await readPairsTsv(file))[0]?.label).toBe(1);
  });

  it('refuses an empty file, a column named twice, and other bytes than UTF-8', async () => {
    expect(await failure('')).toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining('line 1: expected a header'),
    });
    expect(await failure('Quality\tQuality\n')).toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining("column 'Quality' is named twice"),
    });
    expect(await failure(Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 0x0a))).toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining('expected UTF-8 text'),
    });
  });

  it('refuses a file that is not there', async () => {
    const file = join(await temporaryFolder(), 'dev.tsv');
    await expect(readPairsTsv(file)).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining(`${file}: expected a readable TSV file, got ENOENT`),
    });
  });
});
