import { OctavoError, Tensor } from '@octavo/core';
import type { Preprocess } from './preprocess.js';

/**
 * Images of `size` x `size` 8-bit RGB pixels as one float32 tensor [images, 3, size, size]:
 *
 *     ((pixel / divisor) - mean) / std
 *
 * each operation rounded to float32, as torchvision's `ToTensor` and `Normalize` do.
 */
export function normalise(images: readonly Uint8Array[], preprocess: Preprocess): Tensor<'float32'> {
  const { size } = preprocess;
  const pixels = size * size;
  const tables = [0, 1, 2].map((channel) => valueTable(preprocess, channel));
  const data = new Float32Array(images.length * 3 * pixels);
  images.forEach((image, i) => {
    if (image.length !== 3 * pixels) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `normalise: expected ${3 * pixels} bytes an image, got ${image.length}`,
      );
    }
    tables.forEach((table, channel) => {
      const plane = data.subarray((i * 3 + channel) * pixels, (i * 3 + channel + 1) * pixels);
      for (let p = 0, from = channel; p < pixels; p++, from += 3) plane[p] = table[image[from] as number] as number;
    });
  });
  return new Tensor('float32', data, [images.length, 3, size, size]);
}

/** What each of the 256 values of a channel becomes. */
function valueTable({ divisor, mean, std }: Preprocess, channel: number): Float32Array {
  const [center, spread] = [Math.fround(mean[channel] as number), Math.fround(std[channel] as number)];
  return Float32Array.from({ length: 256 }, (_, value) => {
    const scaled = Math.fround(value / divisor);
    return Math.fround(scaled - center) / spread;
  });
}
