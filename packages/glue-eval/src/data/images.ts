import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { didYouMean, OctavoError } from '@octavo/core';
import { listFolder } from './folder.js';

/** One labelled image. */
export interface ImageExample {
  /** `n01440764/tench.JPEG`: folder and name within the split. */
  readonly id: string;
  readonly file: string;
  /** Index of its class in `synsets.txt`. */
  readonly label: number;
}

/** One split of a set of images. */
export interface ImageData {
  /** Names of folders, by class. */
  readonly classes: readonly string[];
  /** In order of id, at least one. */
  readonly examples: readonly ImageExample[];
}

const IMAGE_FILE = /\.(jpe?g|png)$/i;

/**
 * Loads one split of an image set in ImageNet's form: `<split>/<synset>/*.JPEG` and `synsets.txt`, whose line number,
 * from 0, is the class of the folder that its first word names. Files are only listed here, not read.
 *
 * @throws OctavoError FILE_NOT_FOUND when a folder or `synsets.txt` is absent; INVALID_ARGUMENT when `dataDir` is no
 * folder
 *   or `split` no folder name; INVALID_DATA for a folder that is no synset, or holds no image, and for synsets given
 * twice.
 */
export async function loadImages(dataDir: string, split: string): Promise<ImageData> {
  if (!/^[\w.-]+$/.test(split)) {
    throw new OctavoError('INVALID_ARGUMENT', `split: expected a name such as 'val', got '${split}'`);
  }
  await listFolder('data folder', dataDir);
  const classes = await readSynsets(join(dataDir, 'synsets.txt'));
  const labels = new Map(classes.map((synset, label) => [synset, label]));
  const splitDir = join(dataDir, split);
  const examples: ImageExample[] = [];
  for (const synset of await foldersIn(splitDir)) {
    const label = labels.get(synset);
    if (label === undefined) {
      throw new OctavoError(
        'INVALID_DATA',
        `${join(splitDir, synset)}: the folder's name is in no line of synsets.txt${didYouMean(synset, classes) || ';'} ` +
          'folders are named for their class, as n01440764',
      );
    }
    const dir = join(splitDir, synset);
    const names = (await listFolder('folder', dir)).filter((name) => IMAGE_FILE.test(name));
    if (names.length === 0) {
      throw new OctavoError('INVALID_DATA', `${dir}: expected images (.JPEG or .png), got none; remove the folder`);
    }
    examples.push(...names.map((name) => ({ id: `${synset}/${name}`, file: join(dir, name), label })));
  }
  if (examples.length === 0) {
    throw new OctavoError('INVALID_DATA', `${splitDir}: expected a folder of images for each class, got none`);
  }
  return { classes, examples };
}

/** All images in a folder and the folders in it, in order of their paths; at least one. */
export async function listImages(dir: string): Promise<string[]> {
  const files = await imagesBelow('calibration folder', dir);
  if (files.length > 0) return files;
  throw new OctavoError('INVALID_DATA', `calibration folder ${dir}: expected images (.JPEG or .png), got none`);
}

async function imagesBelow(what: string, dir: string): Promise<string[]> {
  const files: string[] = [];
  for (const name of await listFolder(what, dir)) {
    const path = join(dir, name);
    if (IMAGE_FILE.test(name)) files.push(path);
    else if ((await stat(path)).isDirectory()) files.push(...(await imagesBelow(what, path)));
  }
  return files;
}

async function foldersIn(dir: string): Promise<string[]> {
  const names = await listFolder('data folder', dir);
  const folders = await Promise.all(names.map(async (name) => (await stat(join(dir, name))).isDirectory()));
  return names.filter((_, i) => folders[i]);
}

async function readSynsets(file: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new OctavoError(
      'FILE_NOT_FOUND',
      `${file}: there is no such file; it names the folder of each class, one a line`,
      { cause },
    );
  }
  const lines = text.replace(/\s+$/, '').split('\n');
  const classes = lines.map((line) => line.trim().split(/\s+/)[0] as string);
  classes.forEach((synset, i) => {
    if (synset === '') throw new OctavoError('INVALID_DATA', `${file}, line ${i + 1}: expected a synset, got nothing`);
    const first = classes.indexOf(synset);
    if (first === i) return;
    throw new OctavoError('INVALID_DATA', `${file}, line ${i + 1}: ${synset} is in line ${first + 1} already`);
  });
  return classes;
}
