import { F, Module, nn, Tensor } from '@octavo/core';
import { floats, seeded } from './models.js';

/** Two 3x3 convolutions around a residual sum, as in ResNet. */
class Block extends Module<(x: Tensor) => Tensor> {
  conv1: nn.Conv2d;
  bn1: nn.BatchNorm2d;
  relu = new nn.ReLU();
  conv2: nn.Conv2d;
  bn2: nn.BatchNorm2d;

  constructor(channels: number) {
    super();
    this.conv1 = new nn.Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(channels);
    this.conv2 = new nn.Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(channels);
  }

  forward(x: Tensor): Tensor {
    const y = this.bn2.call(this.conv2.call(this.relu.call(this.bn1.call(this.conv1.call(x)))));
    return this.relu.call(F.add(y, x));
  }
}

/** A residual network for 3-channel images with a depthwise tail: [n, 3, h, w] -> [n, 5]. */
export class TinyConvNet extends Module<(x: Tensor) => Tensor> {
  conv = new nn.Conv2d(3, 8, 3, { stride: 2, padding: [0, 0, 1, 1], bias: false });
  bn = new nn.BatchNorm2d(8);
  relu = new nn.ReLU();
  pool = new nn.MaxPool2d(2);
  block = new Block(8);
  depthwise = new nn.Conv2d(8, 8, 3, { padding: 1, groups: 8 });
  relu6 = new nn.ReLU6();
  average = new nn.AdaptiveAvgPool2d(1);
  fc = new nn.Linear(8, 5);

  forward(input: Tensor): Tensor {
    let x = this.pool.call(this.relu.call(this.bn.call(this.conv.call(input))));
    x = this.relu6.call(this.depthwise.call(this.block.call(x)));
    return this.fc.call(F.reshape(this.average.call(x), [0, -1]));
  }
}

/** With running statistics that are not those of a fresh batch norm. */
export function tinyConvNet(): TinyConvNet {
  const model = seeded(() => new TinyConvNet());
  let seed = 1;
  for (const [, module] of model.namedModules()) {
    if (!(module instanceof nn.BatchNorm2d)) continue;
    const dims = [module.running_mean.dims[0] as number];
    module.running_mean = floats(dims, seed++, 0.2);
    const variance = floats(dims, seed++, 0.5).data.map((x) => Math.abs(x) + 0.2);
    module.running_var = new Tensor('float32', variance, dims);
    module.weight = new Tensor(
      'float32',
      floats(dims, seed++, 0.5).data.map((x) => x + 1),
      dims,
    );
    module.bias = floats(dims, seed++, 0.3);
  }
  return model;
}

export function images(count: number, seed = 7): { input: Tensor } {
  return { input: floats([count, 3, 12, 12], seed) };
}
