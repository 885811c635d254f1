import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RgbImage } from '../../src/image/rgb-image.js';

/** What Pillow made of images that `patternImage` makes here; written by fixtures/make.py. */
export const EXPECTED = JSON.parse(readFileSync(new URL('fixtures/expected.json', import.meta.url), 'utf8')) as {
  readonly decoded: readonly (Digest & { readonly name: string; readonly base64: string })[];
  readonly resized: readonly (Digest & {
    readonly pattern: 'waves' | 'noise';
    readonly from: readonly [number, number];
    readonly filter: 'bilinear' | 'bicubic';
  })[];
  readonly preprocessed: readonly (Digest & {
    readonly preset: 'efficientnet_lite' | 'torchvision';
    readonly from: readonly [number, number];
  })[];
  readonly imagenet: readonly {
    readonly file: string;
    readonly efficientnet_lite: string;
    readonly torchvision: string;
  }[];
};

/** An image by what can be compared with Pillow's. */
export interface Digest {
  /** Width and height. */
  readonly size: readonly [number, number];
  readonly sha256: string;
}

export function digest({ width, height, data }: RgbImage): Digest {
  return { size: [width, height], sha256: createHash('sha256').update(data).digest('hex') };
}

/** The synthetic images of fixtures/make.py. */
export function patternImage(pattern: 'waves' | 'noise', [width, height]: readonly [number, number]): RgbImage {
  const data = new Uint8Array(width * height * 3);
  if (pattern === 'waves') {
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i += 3) data.set([x * 7, y * 9, (x + y) * 5], i);
    }
  } else {
    let state = 1n;
    data.forEach((_, i) => {
      state = (state * 1103515245n + 12345n) & 0x7fffffffn;
      data[i] = Number(state >> 16n);
    });
  }
  return { width, height, data };
}
