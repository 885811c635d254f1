import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkWritable, writeWhole } from '../../src/output-file.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'octavo-output-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('checkWritable', () => {
  it('leaves no trace, and an existing file as it is', async () => {
    const file = join(dir, 'a.json');
    await checkWritable(file, '--json');
    expect(await readdir(dir)).toEqual([]);
    await writeFile(file, 'old');
    await checkWritable(file, '--json');
    expect(await readFile(file, 'utf8')).toBe('old');
  });

  it.each([
    ['none/a.json', 'there is no folder'],
    ['.', 'expected a file to write, got a folder'],
  ])('refuses %s', async (path, message) => {
    await expect(checkWritable(join(dir, path), '--json')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
  });
});

describe('writeWhole', () => {
  it('replaces a file and leaves no temporary one', async () => {
    const file = join(dir, 'b.json');
    await writeWhole(file, 'one');
    await writeWhole(file, 'two');
    expect(await readFile(file, 'utf8')).toBe('two');
    expect((await readdir(dir)).filter((name) => name.includes('tmp'))).toEqual([]);
  });
});
