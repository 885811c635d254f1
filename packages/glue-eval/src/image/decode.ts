import { OctavoError } from '@octavo/core';
import sharp, { type Sharp } from 'sharp';
import type { RgbImage } from './rgb-image.js';

/**
 * Decodes an image file to the bytes of Pillow's `Image.open(file).convert('RGB')`, which models were trained on:
 * - grey becomes three equal channels, a palette its colours, alpha is dropped;
 * - CMYK becomes RGB by Pillow's formula, without a colour profile;
 * - embedded colour profiles are ignored;
 * - the EXIF orientation is ignored: the pixels stay as they lie in the file.
 *
 * @throws OctavoError FILE_NOT_FOUND for a missing file, INVALID_FILE for one that is no image or truncated.
 */
export async function decodeImage(file: string): Promise<RgbImage> {
  try {
    // libjpeg's warnings about oddities that it decodes all the same are no reason to refuse a file.
    const options = { ignoreIcc: true, failOn: 'truncated' } as const;
    const { space } = await sharp(file, options).metadata();
    if (space === 'cmyk') {
      const inks = await raw(sharp(file, options).pipelineColourspace('cmyk').toColourspace('cmyk'));
      return { ...inks, data: cmykToRgb(inks.data) };
    }
    return await raw(sharp(file, options).removeAlpha().toColourspace('srgb'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    if (why.includes('Input file is missing')) {
      throw new OctavoError('FILE_NOT_FOUND', `${file}: there is no such file; check the path`, { cause });
    }
    throw new OctavoError(
      'INVALID_FILE',
      `${file}: expected an image, got one that cannot be decoded (${why.replace(/\s+/g, ' ')}); copy or download it again`,
      { cause, details: { file } },
    );
  }
}

async function raw(pipeline: Sharp): Promise<RgbImage> {
  const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** `cmyk2rgb` of Pillow's `Convert.c`: with w = 255 - k, each of c, m, y becomes `w - round(ink * w / 255)`. */
function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4) {
    const white = 255 - (cmyk[from + 3] as number);
    for (let channel = 0; channel < 3; channel++) {
      // round(x / 255) for x up to 255 * 255, without a division.
      const product = (cmyk[from + channel] as number) * white + 128;
      rgb[to++] = white - (((product >> 8) + product) >> 8);
    }
  }
  return rgb;
}
