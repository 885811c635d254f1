import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nn } from '@octavo/core';
import { writeSafetensors } from '@octavo/core/node';
import { EfficientNetLite } from '../../../src/models/image/efficientnet-lite.js';
import { readEfficientNetLiteConfig } from '../../../src/models/image/efficientnet-lite-config.js';
import { fillRandom } from '../../../src/models/image/random-weights.js';

/** An EfficientNet-Lite of three classes on 16 x 16 pixels, with every kind of block and uneven padding. */
export const TINY_IMAGE_CONFIG = {
  model_type: 'efficientnet-lite',
  architecture: 'tiny-lite',
  num_labels: 3,
  image_size: 16,
  activation: 'relu6',
  squeeze_excite: false,
  batch_norm: { eps: 0.001 },
  stem: { kernel_size: 3, stride: 2, in_channels: 3, out_channels: 4, padding: [0, 0, 1, 1] },
  blocks: [
    {
      kernel_size: 3,
      stride: 1,
      expand_ratio: 1,
      in_channels: 4,
      out_channels: 4,
      depthwise_padding: [1, 1, 1, 1],
      residual: true,
    },
    {
      kernel_size: 5,
      stride: 2,
      expand_ratio: 2,
      in_channels: 4,
      out_channels: 6,
      depthwise_padding: [1, 1, 2, 2],
      residual: false,
    },
  ],
  head: { kernel_size: 1, stride: 1, in_channels: 6, out_channels: 8, padding: [0, 0, 0, 0] },
  preprocessing: { center_crop_fraction: 0.875, interpolation: 'bicubic', mean: [127, 127, 127], std: [64, 64, 64] },
};

export function tinyImageState(): nn.StateDict {
  const { config } = readEfficientNetLiteConfig(TINY_IMAGE_CONFIG, 'config.json');
  const model = nn.skipInit(() => new EfficientNetLite(config));
  fillRandom(model, 5);
  return model.stateDict();
}

/** Writes the folder of the model. */
export async function writeTinyImageModel(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'config.json'), JSON.stringify(TINY_IMAGE_CONFIG));
  await writeSafetensors(join(dir, 'model.safetensors'), tinyImageState());
}
