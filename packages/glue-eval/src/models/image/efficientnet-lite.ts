import { nn, type Tensor } from '@octavo/core';
import { DeQuantStub, FloatFunctional, type Json, QuantStub, registerModule } from '@octavo/eager';
import type { BlockConfig, ConvConfig, EfficientNetLiteConfig } from './efficientnet-lite-config.js';
import type { Layer } from './layer.js';

// EfficientNet-Lite (Tan and Le 2019; the Lite form of tensorflow/tpu has no squeeze-and-excite, and ReLU6 for swish).
// Written for eager static quantization: stubs at both ends, the sums as modules, every activation a module of its own.

/** A convolution without bias, a batch norm, and ReLU6 where there is one. */
export class ConvNorm extends nn.Module<(x: Tensor) => Tensor> {
  conv: Layer;
  bn: Layer;
  act: Layer | null;

  constructor({ inChannels, outChannels, kernel, stride, padding }: ConvConfig, eps: number, groups = 1, act = true) {
    super();
    this.conv = new nn.Conv2d(inChannels, outChannels, kernel, { stride, padding, groups, bias: false });
    this.bn = new nn.BatchNorm2d(outChannels, { eps });
    this.act = act ? new nn.ReLU6() : null;
  }

  forward(x: Tensor): Tensor {
    const y = this.bn.call(this.conv.call(x));
    return this.act === null ? y : this.act.call(y);
  }
}

/** Wider by a 1x1 convolution, a depthwise convolution, narrower again; the input added where the shape is kept. */
export class InvertedResidual extends nn.Module<(x: Tensor) => Tensor> {
  expand: Layer | null;
  depthwise: Layer;
  project: Layer;
  skip_add: FloatFunctional | null;

  constructor({ inChannels, outChannels, kernel, stride, padding, expandRatio, residual }: BlockConfig, eps: number) {
    super();
    const inside = inChannels * expandRatio;
    const pointwise = { kernel: 1, stride: 1, padding: [0, 0, 0, 0] };
    this.expand = expandRatio === 1 ? null : new ConvNorm({ ...pointwise, inChannels, outChannels: inside }, eps);
    this.depthwise = new ConvNorm(
      { inChannels: inside, outChannels: inside, kernel, stride, padding },
      eps,
      inside, // groups: each channel alone
    );
    this.project = new ConvNorm({ ...pointwise, inChannels: inside, outChannels }, eps, 1, false);
    this.skip_add = residual ? new FloatFunctional() : null;
  }

  forward(x: Tensor): Tensor {
    const wide = this.expand === null ? x : this.expand.call(x);
    const y = this.project.call(this.depthwise.call(wide));
    return this.skip_add === null ? y : this.skip_add.add(y, x);
  }
}

/** Logits of an image classifier. [batch, 3, height, width] -> [batch, classes], float32. */
export class EfficientNetLite extends nn.Module<(images: Tensor) => Tensor> {
  quant: Layer;
  stem: Layer;
  blocks: nn.Sequential;
  head: Layer;
  avgpool: Layer;
  flatten: Layer;
  classifier: Layer;
  dequant: Layer;

  constructor(readonly config: EfficientNetLiteConfig) {
    super();
    const { classes, eps, stem, blocks, head } = config;
    this.quant = new QuantStub();
    this.stem = new ConvNorm(stem, eps);
    this.blocks = new nn.Sequential(...blocks.map((block) => new InvertedResidual(block, eps)));
    this.head = new ConvNorm(head, eps);
    this.avgpool = new nn.AdaptiveAvgPool2d(1);
    this.flatten = new nn.Flatten();
    this.classifier = new nn.Linear(head.outChannels, classes);
    this.dequant = new DeQuantStub();
  }

  forward(images: Tensor): Tensor {
    const features = this.head.call(this.blocks.call(this.stem.call(this.quant.call(images))));
    return this.dequant.call(this.classifier.call(this.flatten.call(this.avgpool.call(features))));
  }
}

// A file of its quantized form holds the config: no float model is needed to load it.
registerModule<EfficientNetLite, EfficientNetLiteConfig & Json>(EfficientNetLite, {
  config: ({ config }) => config as EfficientNetLiteConfig & Json,
  build: (config) => new EfficientNetLite(config),
});
