import { PRECISION_BITS, type ResampleCoefficients, resampleCoefficients } from './resample-coefficients.js';
import { RESAMPLE_FILTERS, type ResampleFilterName } from './resample-filter.js';
import type { RgbImage } from './rgb-image.js';

/** What rounds a sum in fixed point to the nearest integer, half up. */
const HALF = 1 << (PRECISION_BITS - 1);

/**
 * Resizes an image to `width` x `height` pixels, with the bits of Pillow's `Image.resize`: columns first, rounded and
 * clipped to 8 bits, then rows. An axis that keeps its size is left alone.
 */
export function resize(image: RgbImage, width: number, height: number, filter: ResampleFilterName): RgbImage {
  const rows = RESAMPLE_FILTERS[filter];
  const narrow =
    width === image.width ? image : horizontal(image, width, resampleCoefficients(rows, image.width, width));
  return height === image.height ? narrow : vertical(narrow, height, resampleCoefficients(rows, image.height, height));
}

function horizontal({ width: from, height, data }: RgbImage, width: number, axis: ResampleCoefficients): RgbImage {
  const { first, count, stride, weights } = axis;
  const out = new Uint8Array(height * width * 3);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const begin = x * stride;
      const end = begin + (count[x] as number);
      let at = (y * from + (first[x] as number)) * 3;
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      for (let k = begin; k < end; k++, at += 3) {
        const weight = weights[k] as number;
        red = (red + (data[at] as number) * weight) | 0;
        green = (green + (data[at + 1] as number) * weight) | 0;
        blue = (blue + (data[at + 2] as number) * weight) | 0;
      }
      out[to] = clip(red);
      out[to + 1] = clip(green);
      out[to + 2] = clip(blue);
    }
  }
  return { width, height, data: out };
}

/** Rows are summed side by side in memory: the inner loop runs along a row, whose channels need no telling apart. */
function vertical({ width, data }: RgbImage, height: number, axis: ResampleCoefficients): RgbImage {
  const { first, count, stride, weights } = axis;
  const pitch = width * 3;
  const sums = new Int32Array(pitch);
  const out = new Uint8Array(height * pitch);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let k = 0; k < (count[y] as number); k++) {
      const weight = weights[y * stride + k] as number;
      const from = ((first[y] as number) + k) * pitch;
      for (let i = 0; i < pitch; i++) sums[i] = (sums[i] as number) + (data[from + i] as number) * weight;
    }
    for (let i = 0; i < pitch; i++) out[y * pitch + i] = clip(sums[i] as number);
  }
  return { width, height, data: out };
}

/** A sum in fixed point as 8 bits. */
function clip(sum: number): number {
  const value = sum >> PRECISION_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
