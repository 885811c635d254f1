import { nn, type Tensor } from '@octavo/core';
import { DeQuantStub, FloatFunctional, type Json, QuantStub, registerModule } from '@octavo/eager';
import type { Layer } from './layer.js';

// MobileNetV2 (Sandler et al. 2018) as in torchvision's mobilenetv2.py, with its parameter names, and the stubs and
// sums as modules of torchvision's quantizable form.

export interface MobileNetV2Config {
  readonly classes: number;
}

/** Expansion, channels, blocks and first stride of each stage. */
const STAGES: readonly (readonly [expansion: number, channels: number, blocks: number, stride: number])[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];
const STEM_CHANNELS = 32;
const HEAD_CHANNELS = 1280;

function convNormRelu(inChannels: number, outChannels: number, kernel: number, stride = 1, groups = 1): nn.Sequential {
  const padding = (kernel - 1) / 2;
  return new nn.Sequential(
    new nn.Conv2d(inChannels, outChannels, kernel, { stride, padding, groups, bias: false }),
    new nn.BatchNorm2d(outChannels),
    new nn.ReLU6(),
  );
}

/** Wider by a 1x1 convolution, a depthwise convolution, narrower again; the input added where the shape is kept. */
export class MobileNetV2Block extends nn.Module<(x: Tensor) => Tensor> {
  conv: Layer;
  skip_add: FloatFunctional | null;

  constructor(inChannels: number, outChannels: number, stride: number, expansion: number) {
    super();
    const inside = inChannels * expansion;
    this.conv = new nn.Sequential(
      ...(expansion === 1 ? [] : [convNormRelu(inChannels, inside, 1)]),
      convNormRelu(inside, inside, 3, stride, inside),
      new nn.Conv2d(inside, outChannels, 1, { bias: false }),
      new nn.BatchNorm2d(outChannels),
    );
    this.skip_add = stride === 1 && inChannels === outChannels ? new FloatFunctional() : null;
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.call(x);
    return this.skip_add === null ? y : this.skip_add.add(x, y);
  }
}

/** Logits of an image classifier. [batch, 3, height, width] -> [batch, classes], float32. */
export class MobileNetV2 extends nn.Module<(images: Tensor) => Tensor> {
  quant: Layer;
  features: Layer;
  avgpool: Layer;
  flatten: Layer;
  classifier: Layer;
  dequant: Layer;

  constructor(readonly config: MobileNetV2Config) {
    super();
    let channels = STEM_CHANNELS;
    const blocks = STAGES.flatMap(([expansion, width, count, stride]) =>
      Array.from({ length: count }, (_, i) => {
        const block = new MobileNetV2Block(channels, width, i === 0 ? stride : 1, expansion);
        channels = width;
        return block;
      }),
    );
    this.quant = new QuantStub();
    this.features = new nn.Sequential(
      convNormRelu(3, STEM_CHANNELS, 3, 2),
      ...blocks,
      convNormRelu(channels, HEAD_CHANNELS, 1),
    );
    this.avgpool = new nn.AdaptiveAvgPool2d(1);
    this.flatten = new nn.Flatten();
    this.classifier = new nn.Sequential(new nn.Dropout(0.2), new nn.Linear(HEAD_CHANNELS, config.classes));
    this.dequant = new DeQuantStub();
  }

  forward(images: Tensor): Tensor {
    const features = this.features.call(this.quant.call(images));
    return this.dequant.call(this.classifier.call(this.flatten.call(this.avgpool.call(features))));
  }
}

// A file of its quantized form holds the config: no float model is needed to load it.
registerModule<MobileNetV2, MobileNetV2Config & Json>(MobileNetV2, {
  config: ({ config }) => config as MobileNetV2Config & Json,
  build: (config) => new MobileNetV2(config),
});
