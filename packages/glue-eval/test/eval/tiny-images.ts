import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { writeTinyImageModel } from '../models/image/tiny-image-model.js';

/** A folder with a tiny image model, `data/` in ImageNet's form, and `more/` with images to calibrate with. */
export interface TinyImageWorld {
  readonly dir: string;
  readonly model: string;
  readonly data: string;
  readonly more: string;
  remove(): Promise<void>;
}

/** Images of each class. */
const CLASSES: Readonly<Record<string, number>> = { n01: 4, n02: 3, n03: 3 };
/** Images in `more/`. */
export const MORE = 5;

export async function makeTinyImageWorld(): Promise<TinyImageWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'octavo-images-'));
  const [model, data, more] = [join(dir, 'model'), join(dir, 'data'), join(dir, 'more')];
  await writeTinyImageModel(model);
  let seed = 0;
  for (const [synset, count] of Object.entries(CLASSES)) {
    const folder = join(data, 'val', synset);
    await mkdir(folder, { recursive: true });
    for (let i = 0; i < count; i++) await writeImage(join(folder, `${i}.png`), seed++);
  }
  await writeFile(join(data, 'synsets.txt'), `${Object.keys(CLASSES).join(' some thing\n')} last\n`);
  await mkdir(more);
  for (let i = 0; i < MORE; i++) await writeImage(join(more, `${i}.png`), seed++);
  return { dir, model, data, more, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** An image of 24 x 20 pixels that is another one for each seed. */
async function writeImage(file: string, seed: number): Promise<void> {
  const [width, height] = [24, 20];
  const data = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => 128 + 127 * Math.sin(i * (seed + 1) * 0.37 + seed),
  );
  await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(file);
}
