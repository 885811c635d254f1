import type { BlockConfig, EfficientNetLiteConfig } from './efficientnet-lite-config.js';

// EfficientNet-Lite0 by its table (tensorflow/tpu, efficientnet_lite_builder.py), for where no config.json is at hand.

interface Stage {
  readonly kernel: number;
  readonly stride: number;
  readonly expandRatio: number;
  readonly outChannels: number;
  readonly blocks: number;
}

const STAGES: readonly Stage[] = [
  { kernel: 3, stride: 1, expandRatio: 1, outChannels: 16, blocks: 1 },
  { kernel: 3, stride: 2, expandRatio: 6, outChannels: 24, blocks: 2 },
  { kernel: 5, stride: 2, expandRatio: 6, outChannels: 40, blocks: 2 },
  { kernel: 3, stride: 2, expandRatio: 6, outChannels: 80, blocks: 3 },
  { kernel: 5, stride: 1, expandRatio: 6, outChannels: 112, blocks: 3 },
  { kernel: 5, stride: 2, expandRatio: 6, outChannels: 192, blocks: 4 },
  { kernel: 3, stride: 1, expandRatio: 6, outChannels: 320, blocks: 1 },
];
const STEM_CHANNELS = 32;
const HEAD_CHANNELS = 1280;
const EPS = 1e-3;

/** The side of its images, for which the padding is right. */
export const EFFICIENTNET_LITE0_SIZE = 224;

/** The network for images of `EFFICIENTNET_LITE0_SIZE`. */
export function efficientNetLite0(classes: number): EfficientNetLiteConfig {
  const blocks: BlockConfig[] = [];
  let inChannels = STEM_CHANNELS;
  for (const { blocks: count, outChannels, expandRatio, kernel, stride: first } of STAGES) {
    for (let i = 0; i < count; i++) {
      const stride = i === 0 ? first : 1;
      const padding = samePadding(kernel, stride);
      blocks.push({ inChannels, outChannels, kernel, stride, padding, expandRatio, residual: i > 0 });
      inChannels = outChannels;
    }
  }
  return {
    classes,
    eps: EPS,
    stem: { inChannels: 3, outChannels: STEM_CHANNELS, kernel: 3, stride: 2, padding: samePadding(3, 2) },
    blocks,
    head: { inChannels, outChannels: HEAD_CHANNELS, kernel: 1, stride: 1, padding: samePadding(1, 1) },
  };
}

/** TensorFlow's SAME where the stride divides the size: [top, left, bottom, right], the odd one at the end. */
function samePadding(kernel: number, stride: number): readonly number[] {
  const total = kernel - stride;
  const begin = Math.floor(total / 2);
  return [begin, begin, total - begin, total - begin];
}
