import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadPairs } from '../../src/data/pairs.js';
import { pairsParquet } from './parquet-file.js';
import { temporaryFolder } from './temporary-folder.js';

const root = new URL('../../../../', import.meta.url);
const mrpc = fileURLToPath(new URL('../shared/data/glue/MRPC', root));

const tsv = (sentence: string) => `Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\t${sentence}\tother\n`;
const parquet = (sentence: string, idx = 0) => pairsParquet([[sentence, 'other', 1, idx]]);

describe('loadPairs', () => {
  it.each([
    ['dev', 'dev.tsv'],
    ['dev', 'dev.parquet'],
    ['dev', 'dev-00000-of-00001.parquet'],
    ['dev', 'validation-00000-of-00001.parquet'],
    ['dev', 'validation-00000-of-00001-9b0f3b4b2d1c7a5e.parquet'],
    ['dev', 'validation.parquet'],
    ['validation', 'dev.tsv'],
    ['validation', 'validation-00000-of-00001.parquet'],
    ['train', 'train-00000-of-00001.parquet'],
    ['my_split-2', 'my_split-2.tsv'],
  ])('finds the split %s in %s', async (split, name) => {
    const content = name.endsWith('.tsv') ? tsv('found') : parquet('found');
    const examples = await loadPairs(await temporaryFolder({ [name]: content, 'README.md': '' }), split);
    expect(examples).toHaveLength(1);
    expect(examples[0]).toMatchObject({ first: 'found', second: 'other', label: 1 });
  });

  it('prefers TSV, then one Parquet file, then shards, then the other name of the split', async () => {
    const files: Record<string, string | Uint8Array> = {
      'validation.tsv': tsv('other name'),
      'dev-00000-of-00001.parquet': parquet('shards'),
      'dev.parquet': parquet('parquet'),
      'dev.tsv': tsv('tsv'),
    };
    for (const [name, first] of [
      ['dev.tsv', 'tsv'],
      ['dev.parquet', 'parquet'],
      ['dev-00000-of-00001.parquet', 'shards'],
      ['validation.tsv', 'other name'],
    ] as const) {
      expect((await loadPairs(await temporaryFolder(files), 'dev'))[0]?.first).toBe(first);
      delete files[name];
    }
  });

  it('joins shards in order, and says which one is missing', async () => {
    const files: Record<string, Uint8Array> = {
      'train-00002-of-00003.parquet': parquet('third', 2),
      'train-00000-of-00003.parquet': parquet('first', 0),
      'train-00001-of-00003.parquet': parquet('second', 1),
    };
    const examples = await loadPairs(await temporaryFolder(files), 'train');
    expect(examples.map((example) => example.first)).toEqual(['first', 'second', 'third']);

    delete files['train-00001-of-00003.parquet'];
    await expect(loadPairs(await temporaryFolder(files), 'train')).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining("expected all 3 shards of 'train', got none named train-00001-of-00003.parquet"),
    });
  });

  it('says what was looked for and what the folder holds', async () => {
    const folder = await temporaryFolder({ 'train.tsv': tsv('x'), 'notes.txt': '' });
    await expect(loadPairs(folder, 'dev')).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: `data folder ${folder}: expected a file of the split 'dev' (one of dev.tsv, dev.parquet, dev-*-of-*.parquet, validation.tsv, validation.parquet, validation-*-of-*.parquet); the folder holds notes.txt, train.tsv; give another folder or split`,
    });
    await expect(loadPairs(await temporaryFolder(), 'dev')).rejects.toThrow('the folder holds nothing');
    const many = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`f${i}`, '']));
    await expect(loadPairs(await temporaryFolder(many), 'dev')).rejects.toThrow('and 5 more');
  });

  it('refuses a folder that is missing or a file, and a split that is no name', async () => {
    const folder = await temporaryFolder({ 'dev.tsv': tsv('x') });
    await expect(loadPairs(join(folder, 'gone'), 'dev')).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining(`${join(folder, 'gone')}: expected a readable folder, got nothing by that name`),
    });
    await expect(loadPairs(join(folder, 'dev.tsv'), 'dev')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('expected a folder, got a file'),
    });
    await expect(loadPairs(folder, '../dev')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('refuses a file without examples', async () => {
    const header = 'Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n';
    await expect(loadPairs(await temporaryFolder({ 'dev.tsv': header }), 'dev')).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining('expected at least one pair of sentences, got none'),
    });
    await expect(loadPairs(await temporaryFolder({ 'dev.parquet': pairsParquet([]) }), 'dev')).rejects.toMatchObject({
      code: 'INVALID_FILE',
    });
  });

  it("reads the repository's own sentence pairs, half of them paraphrases", async () => {
    const examples = await loadPairs(fileURLToPath(new URL('data/paraphrases', root)), 'dev');
    expect(examples.length).toBeGreaterThanOrEqual(200);
    expect(examples.filter((example) => example.label === 1).length * 2).toBe(examples.length);
    expect(new Set(examples.map((example) => example.id)).size).toBe(examples.length);
  });

  const present = existsSync(mrpc);
  it.skipIf(!present)(`reads GLUE's MRPC${present ? '' : ' (skipped: ../shared is absent)'}`, async () => {
    const examples = await loadPairs(mrpc, 'dev');
    expect(examples).toHaveLength(408);
    expect(examples.filter((example) => example.label === 1)).toHaveLength(279);
    expect(await loadPairs(mrpc, 'train')).toHaveLength(3668);
  });
});
