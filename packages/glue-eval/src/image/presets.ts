import type { Preprocess } from './preprocess.js';

/**
 * torchvision's for its ImageNet classifiers: shorter side to 256, the middle 224 x 224, ImageNet's mean and deviation.
 */
export const TORCHVISION_PREPROCESS: Preprocess = {
  steps: [
    { step: 'resizeShorterSide', size: 256, filter: 'bilinear' },
    { step: 'centerCrop', size: 224 },
  ],
  size: 224,
  divisor: 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** EfficientNet-Lite's: the middle 87.5 % as a square, bicubic to `size` pixels, values from -0.992 to 1. */
export function efficientNetLitePreprocess(size: number): Preprocess {
  return {
    steps: [
      { step: 'centerCropFraction', fraction: 0.875 },
      { step: 'resize', size, filter: 'bicubic' },
    ],
    size,
    divisor: 1,
    mean: [127, 127, 127],
    std: [128, 128, 128],
  };
}
