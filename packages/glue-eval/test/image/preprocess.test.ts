import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { crop } from '../../src/image/crop.js';
import { decodeImage } from '../../src/image/decode.js';
import { normalise } from '../../src/image/normalise.js';
import { preprocess } from '../../src/image/preprocess.js';
import { efficientNetLitePreprocess, TORCHVISION_PREPROCESS } from '../../src/image/presets.js';
import { SHARED } from '../models/mrpc-small.js';
import { digest, EXPECTED, patternImage } from './expected.js';

const PRESETS = { efficientnet_lite: efficientNetLitePreprocess(224), torchvision: TORCHVISION_PREPROCESS };

describe('preprocess', () => {
  it.each(EXPECTED.preprocessed)('gives the bytes of Pillow: $preset of $from', ({ preset, from, size, sha256 }) => {
    expect(digest(preprocess(patternImage('noise', from), PRESETS[preset]))).toEqual({ size, sha256 });
  });

  it('refuses steps that do not end at their size', () => {
    const wrong = { ...TORCHVISION_PREPROCESS, size: 200 };
    expect(() => preprocess(patternImage('waves', [30, 20]), wrong)).toThrow(
      'gave 224 x 224 pixels of an image of 30 x 20',
    );
  });
});

describe('crop', () => {
  it('takes pixels by column and row', () => {
    const { width, height, data } = crop(patternImage('waves', [6, 5]), 2, 1, 2, 2);
    expect([width, height]).toEqual([2, 2]);
    expect([...data]).toEqual([14, 9, 15, 21, 9, 20, 14, 18, 20, 21, 18, 25]);
  });

  it('refuses what is not in the image', () => {
    expect(() => crop(patternImage('waves', [6, 5]), 5, 0, 2, 2)).toThrow('do not lie in an image of 6 x 5');
  });
});

describe('normalise', () => {
  const tiny = { ...efficientNetLitePreprocess(1), mean: [127, 0, 255] as const };

  it('gives one plane a channel, one image after the other', () => {
    const { dims, data } = normalise([Uint8Array.of(127, 128, 255), Uint8Array.of(255, 0, 127)], tiny);
    expect(dims).toEqual([2, 3, 1, 1]);
    expect([...data]).toEqual([0, 1, 0, 1, 0, -1]);
  });

  it('rounds as torchvision does', () => {
    const { data } = normalise([Uint8Array.of(0, 100, 255)], { ...TORCHVISION_PREPROCESS, size: 1 });
    // torch.tensor([0, 100, 255]).div(255), then sub_(mean).div_(std), all float32
    expect([...data]).toEqual([-2.1179039478302, -0.28501397371292114, 2.640000104904175]);
  });

  it('refuses an image of another size', () => {
    expect(() => normalise([new Uint8Array(4)], tiny)).toThrow('expected 3 bytes an image, got 4');
  });
});

const SAMPLE = join(SHARED, 'data/imagenet-sample/val');

describe.skipIf(!existsSync(SAMPLE))('images of ImageNet (needs ../shared)', () => {
  it.each(EXPECTED.imagenet)('$file, decoded and preprocessed, has the bytes of Pillow', async (wanted) => {
    const image = await decodeImage(join(SAMPLE, wanted.file));
    for (const preset of ['efficientnet_lite', 'torchvision'] as const) {
      expect(digest(preprocess(image, PRESETS[preset])).sha256).toBe(wanted[preset]);
    }
  });
});
