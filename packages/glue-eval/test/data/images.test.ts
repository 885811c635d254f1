import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listImages, loadImages } from '../../src/data/images.js';
import { temporaryFolder } from './temporary-folder.js';

/** A data folder with empty files: listing reads none. */
async function folderOf(files: readonly string[], synsets = 'n02 cat\nn01 big dog\nn03\n'): Promise<string> {
  const dir = await temporaryFolder({ 'synsets.txt': synsets });
  for (const file of files) {
    await mkdir(dirname(join(dir, file)), { recursive: true });
    await writeFile(join(dir, file), '');
  }
  return dir;
}

async function fault(dir: string, split = 'val'): Promise<unknown> {
  return loadImages(dir, split).then(
    () => null,
    (error: unknown) => error,
  );
}

describe('loadImages', () => {
  it('gives images in order of name, and classes by line', async () => {
    const dir = await folderOf(['val/n02/b.JPEG', 'val/n01/z.png', 'val/n02/a.jpg', 'val/n02/notes.txt', 'val/README']);
    const { classes, examples } = await loadImages(dir, 'val');
    expect(classes).toEqual(['n02', 'n01', 'n03']);
    expect(examples.map(({ id, label }) => [id, label])).toEqual([
      ['n01/z.png', 1],
      ['n02/a.jpg', 0],
      ['n02/b.JPEG', 0],
    ]);
    expect(examples[0]?.file).toBe(join(dir, 'val/n01/z.png'));
  });

  it.each([
    [
      ['val/n1/a.png'],
      'INVALID_DATA',
      /val\/n1: the folder's name is in no line of synsets\.txt; did you mean 'n01'\?/,
    ],
    [['val/n01/a.txt'], 'INVALID_DATA', /val\/n01: expected images \(\.JPEG or \.png\), got none/],
    [['val/README'], 'INVALID_DATA', /val: expected a folder of images for each class, got none/],
    [['train/n01/a.png'], 'FILE_NOT_FOUND', /val: expected a readable folder, got nothing by that name/],
  ])('refuses %j', async (files, code, message) => {
    expect(await fault(await folderOf(files))).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('refuses a synsets.txt that is missing, has a gap, or names a synset twice', async () => {
    const empty = await temporaryFolder();
    expect(await fault(empty)).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('synsets.txt: there is no such file'),
    });
    expect(await fault(join(empty, 'none'))).toMatchObject({ code: 'FILE_NOT_FOUND' });
    expect(await fault(await folderOf([], 'n01\n\nn02\n'))).toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringContaining('line 2: expected a synset, got nothing'),
    });
    expect(await fault(await folderOf([], 'n01 a\nn02 b\nn01 c\n'))).toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringContaining('line 3: n01 is in line 1 already'),
    });
  });

  it('refuses a split that is no name', async () => {
    expect(await fault(await folderOf([]), '../val')).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('listImages', () => {
  it('gives all images below a folder in order of path', async () => {
    const dir = await folderOf(['b/x.png', 'a.jpeg', 'b/c/y.JPG', 'b/z.txt']);
    expect(await listImages(dir)).toEqual(['a.jpeg', 'b/c/y.JPG', 'b/x.png'].map((name) => join(dir, name)));
  });

  it('refuses a folder that is missing or has none', async () => {
    const dir = await folderOf([]);
    await expect(listImages(dir)).rejects.toMatchObject({ code: 'INVALID_DATA' });
    await expect(listImages(join(dir, 'none'))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('calibration folder'),
    });
  });
});
