import { nn, type Tensor } from '@octavo/core';
import { DeQuantStub, FloatFunctional, type Json, QuantStub, registerModule } from '@octavo/eager';
import type { Layer } from './layer.js';

// ResNet (He et al. 2015) as in torchvision's resnet.py, with its parameter names, and the stubs and sums as modules of
// torchvision's quantizable form. The stride of a bottleneck is at its 3x3 convolution (ResNet v1.5).

export interface ResNetConfig {
  readonly block: 'basic' | 'bottleneck';
  /** Blocks in each of the four stages. */
  readonly layers: readonly number[];
  readonly classes: number;
}

function conv(inChannels: number, outChannels: number, kernel: number, stride = 1): nn.Conv2d {
  return new nn.Conv2d(inChannels, outChannels, kernel, { stride, padding: (kernel - 1) / 2, bias: false });
}

/** What a block's input goes through before it is added, where the block changes the shape. */
function downsampleOf(inChannels: number, outChannels: number, stride: number): Layer | null {
  if (stride === 1 && inChannels === outChannels) return null;
  return new nn.Sequential(conv(inChannels, outChannels, 1, stride), new nn.BatchNorm2d(outChannels));
}

/** Two 3x3 convolutions and the input, added. */
export class BasicBlock extends nn.Module<(x: Tensor) => Tensor> {
  static readonly expansion = 1;
  conv1: Layer;
  bn1: Layer;
  relu: Layer;
  conv2: Layer;
  bn2: Layer;
  downsample: Layer | null;
  add_relu: FloatFunctional;

  constructor(inChannels: number, channels: number, stride: number) {
    super();
    this.conv1 = conv(inChannels, channels, 3, stride);
    this.bn1 = new nn.BatchNorm2d(channels);
    this.relu = new nn.ReLU();
    this.conv2 = conv(channels, channels, 3);
    this.bn2 = new nn.BatchNorm2d(channels);
    this.downsample = downsampleOf(inChannels, channels, stride);
    this.add_relu = new FloatFunctional();
  }

  forward(x: Tensor): Tensor {
    const y = this.bn2.call(this.conv2.call(this.relu.call(this.bn1.call(this.conv1.call(x)))));
    return this.add_relu.addRelu(y, this.downsample === null ? x : this.downsample.call(x));
  }
}

/** 1x1, 3x3 and 1x1 convolutions, four times wider at the end, and the input, added. */
export class Bottleneck extends nn.Module<(x: Tensor) => Tensor> {
  static readonly expansion = 4;
  conv1: Layer;
  bn1: Layer;
  relu1: Layer;
  conv2: Layer;
  bn2: Layer;
  relu2: Layer;
  conv3: Layer;
  bn3: Layer;
  downsample: Layer | null;
  skip_add_relu: FloatFunctional;

  constructor(inChannels: number, channels: number, stride: number) {
    super();
    const wide = channels * Bottleneck.expansion;
    this.conv1 = conv(inChannels, channels, 1);
    this.bn1 = new nn.BatchNorm2d(channels);
    this.relu1 = new nn.ReLU();
    this.conv2 = conv(channels, channels, 3, stride);
    this.bn2 = new nn.BatchNorm2d(channels);
    this.relu2 = new nn.ReLU();
    this.conv3 = conv(channels, wide, 1);
    this.bn3 = new nn.BatchNorm2d(wide);
    this.downsample = downsampleOf(inChannels, wide, stride);
    this.skip_add_relu = new FloatFunctional();
  }

  forward(x: Tensor): Tensor {
    const narrow = this.relu1.call(this.bn1.call(this.conv1.call(x)));
    const inner = this.relu2.call(this.bn2.call(this.conv2.call(narrow)));
    const y = this.bn3.call(this.conv3.call(inner));
    return this.skip_add_relu.addRelu(y, this.downsample === null ? x : this.downsample.call(x));
  }
}

const BLOCKS = { basic: BasicBlock, bottleneck: Bottleneck } as const;

/** Logits of an image classifier. [batch, 3, height, width] -> [batch, classes], float32. */
export class ResNet extends nn.Module<(images: Tensor) => Tensor> {
  quant: Layer;
  conv1: Layer;
  bn1: Layer;
  relu: Layer;
  maxpool: Layer;
  layer1: Layer;
  layer2: Layer;
  layer3: Layer;
  layer4: Layer;
  avgpool: Layer;
  flatten: Layer;
  fc: Layer;
  dequant: Layer;

  constructor(readonly config: ResNetConfig) {
    super();
    const Block = BLOCKS[config.block];
    let channels = 64;
    const stage = (index: number, width: number, stride: number): Layer => {
      const blocks = Array.from({ length: config.layers[index] as number }, (_, i) => {
        const block = new Block(channels, width, i === 0 ? stride : 1);
        channels = width * Block.expansion;
        return block;
      });
      return new nn.Sequential(...blocks);
    };
    this.quant = new QuantStub();
    this.conv1 = conv(3, channels, 7, 2);
    this.bn1 = new nn.BatchNorm2d(channels);
    this.relu = new nn.ReLU();
    this.maxpool = new nn.MaxPool2d(3, { stride: 2, padding: 1 });
    this.layer1 = stage(0, 64, 1);
    this.layer2 = stage(1, 128, 2);
    this.layer3 = stage(2, 256, 2);
    this.layer4 = stage(3, 512, 2);
    this.avgpool = new nn.AdaptiveAvgPool2d(1);
    this.flatten = new nn.Flatten();
    this.fc = new nn.Linear(channels, config.classes);
    this.dequant = new DeQuantStub();
  }

  forward(images: Tensor): Tensor {
    const start = this.relu.call(this.bn1.call(this.conv1.call(this.quant.call(images))));
    const half = this.layer2.call(this.layer1.call(this.maxpool.call(start)));
    const features = this.avgpool.call(this.layer4.call(this.layer3.call(half)));
    return this.dequant.call(this.fc.call(this.flatten.call(features)));
  }
}

// A file of its quantized form holds the config: no float model is needed to load it.
registerModule<ResNet, ResNetConfig & Json>(ResNet, {
  config: ({ config }) => config as ResNetConfig & Json,
  build: (config) => new ResNet(config),
});
