import { OctavoError, rint } from '@octavo/core';
import { crop } from './crop.js';
import type { ResampleFilterName } from './resample-filter.js';
import { resize } from './resize.js';
import type { RgbImage } from './rgb-image.js';

/** One step from a decoded image to a model's pixels. */
export type PreprocessStep =
  /** The middle square of `int(fraction * shorter side)` pixels; an odd rest goes to the right and the bottom. */
  | { readonly step: 'centerCropFraction'; readonly fraction: number }
  /** The middle square of `size` pixels, where torchvision's `CenterCrop` has it. */
  | { readonly step: 'centerCrop'; readonly size: number }
  /** To a square of `size` pixels. */
  | { readonly step: 'resize'; readonly size: number; readonly filter: ResampleFilterName }
  /** The shorter side to `size`, the longer one to `int(size * longer / shorter)`, as torchvision's `Resize`. */
  | { readonly step: 'resizeShorterSide'; readonly size: number; readonly filter: ResampleFilterName };

/** From an image file's pixels to a model's input. */
export interface Preprocess {
  readonly steps: readonly PreprocessStep[];
  /** Side of the square that the steps end with, in pixels. */
  readonly size: number;
  /** Pixels are divided by this first: 255 where mean and deviation are for values in 0..1. */
  readonly divisor: number;
  /** Of red, green and blue. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

type Apply<S extends PreprocessStep['step']> = (
  image: RgbImage,
  step: Extract<PreprocessStep, { step: S }>,
) => RgbImage;

const STEPS: { readonly [S in PreprocessStep['step']]: Apply<S> } = {
  centerCropFraction(image, { fraction }) {
    const { width, height } = image;
    const side = Math.trunc(fraction * Math.min(width, height));
    return crop(image, Math.floor((width - side + 1) / 2), Math.floor((height - side + 1) / 2), side, side);
  },
  centerCrop(image, { size }) {
    // Python's round, which takes a half to the even neighbour.
    return crop(image, rint((image.width - size) / 2), rint((image.height - size) / 2), size, size);
  },
  resize: (image, { size, filter }) => resize(image, size, size, filter),
  resizeShorterSide(image, { size, filter }) {
    const { width, height } = image;
    const longer = Math.trunc((size * Math.max(width, height)) / Math.min(width, height));
    return width <= height ? resize(image, size, longer, filter) : resize(image, longer, size, filter);
  },
};

/** The model's pixels: `size` x `size`, still 8 bits, which is a quarter of what the floats would take. */
export function preprocess(image: RgbImage, { steps, size }: Preprocess): RgbImage {
  const pixels = steps.reduce(
    (current, step) => (STEPS[step.step] as Apply<typeof step.step>)(current, step as never),
    image,
  );
  if (pixels.width === size && pixels.height === size) return pixels;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `preprocess: the steps gave ${pixels.width} x ${pixels.height} pixels of an image of ${image.width} x ${image.height}; ` +
      `expected ${size} x ${size}`,
  );
}
