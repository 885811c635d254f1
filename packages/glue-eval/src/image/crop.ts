import { OctavoError } from '@octavo/core';
import type { RgbImage } from './rgb-image.js';

/**
 * The `width` x `height` pixels whose top left corner is at column `left` and row `top`. They must lie in the image.
 */
export function crop(image: RgbImage, left: number, top: number, width: number, height: number): RgbImage {
  if (left < 0 || top < 0 || left + width > image.width || top + height > image.height) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `crop: ${width} x ${height} pixels at column ${left}, row ${top} do not lie in an image of ${image.width} x ${image.height}`,
    );
  }
  if (width === image.width && height === image.height) return image;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * 3;
    data.set(image.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height, data };
}
