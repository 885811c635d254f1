import { F, manualSeed, nn, Tensor } from '@octavo/core';
import { DeQuantStub, FloatFunctional, QuantStub } from '../../src/index.js';

/** Float32 noise, the same for a seed. */
export function noise(dims: readonly number[], seed = 1): Tensor<'float32'> {
  const generator = manualSeed(seed);
  const size = dims.reduce((product, dim) => product * dim, 1);
  return new Tensor(
    'float32',
    Float32Array.from({ length: size }, () => generator.normal()),
    dims,
  );
}

/** Two linears and a nonlinearity. */
export class Block extends nn.Module<(x: Tensor) => Tensor> {
  fc1: nn.Module;
  act: nn.Module;
  fc2: nn.Module;

  constructor(readonly width: number) {
    super();
    this.fc1 = new nn.Linear(width, 2 * width);
    this.act = new nn.GELU();
    this.fc2 = new nn.Linear(2 * width, width);
  }

  forward(x: Tensor): Tensor {
    return F.add(x, this.fc2.call(this.act.call(this.fc1.call(x))));
  }
}

/** Ids to logits: an embedding, blocks with norms, a classifier. */
export class TinyModel extends nn.Module<(ids: Tensor) => Tensor> {
  embedding: nn.Embedding;
  sub: Block;
  layers: nn.ModuleList;
  norm: nn.LayerNorm;
  classifier: nn.Linear;

  constructor(readonly width = 16) {
    super();
    this.embedding = new nn.Embedding(11, width);
    this.sub = new Block(width);
    this.layers = new nn.ModuleList([new Block(width), new Block(width)]);
    this.norm = new nn.LayerNorm(width);
    this.classifier = new nn.Linear(width, 3, { bias: false });
  }

  forward(ids: Tensor): Tensor {
    let x: Tensor = this.sub.call(this.embedding.call(ids));
    for (const layer of this.layers) x = layer.call(x);
    return this.classifier.call(this.norm.call(x));
  }
}

export function tinyModel(seed = 3, width = 16): TinyModel {
  manualSeed(seed);
  return new TinyModel(width);
}

export function ids(rows: number[][]): Tensor {
  return Tensor.from(rows, { dtype: 'int64' });
}

/** The bits of a float tensor, for exact comparison. */
export function bits(tensor: Tensor): number[] {
  const { data } = tensor as Tensor<'float32'>;
  return Array.from(new Uint32Array(data.buffer, data.byteOffset, data.length));
}

/** Two convolutions, the second depthwise and padded on one side more, with a shortcut added and a linear behind. */
export class ShortcutNet extends nn.Module<(x: Tensor) => Tensor> {
  quant: nn.Module = new QuantStub();
  conv1: nn.Module = new nn.Conv2d(3, 6, 3, { padding: 1, bias: false });
  bn1: nn.Module = new nn.BatchNorm2d(6);
  relu1: nn.Module = new nn.ReLU6();
  conv2: nn.Module = new nn.Conv2d(6, 6, 3, { padding: [0, 0, 2, 2], groups: 6 });
  bn2: nn.Module = new nn.BatchNorm2d(6);
  skip = new FloatFunctional();
  pool: nn.Module = new nn.AdaptiveAvgPool2d(2);
  flatten: nn.Module = new nn.Flatten();
  fc: nn.Module = new nn.Linear(24, 4);
  dequant: nn.Module = new DeQuantStub();

  forward(x: Tensor): Tensor {
    const codes = this.quant.call(x);
    const y = this.relu1.call(this.bn1.call(this.conv1.call(codes)));
    const z = this.skip.addRelu(y, this.bn2.call(this.conv2.call(y)));
    return this.dequant.call(this.fc.call(this.flatten.call(this.pool.call(z))));
  }
}

/** A `ShortcutNet` of a seed, its batch norms with statistics that are not those they start with. */
export function shortcutNet(seed = 5): ShortcutNet {
  manualSeed(seed);
  const net = new ShortcutNet();
  for (const bn of [net.bn1, net.bn2] as nn.BatchNorm2d[]) {
    bn.running_mean = F.mul(noise([6], seed + 1), 0.3);
    bn.running_var = F.add(F.mul(noise([6], seed + 2), 0.1), 1);
    bn.weight = F.add(F.mul(noise([6], seed + 3), 0.2), 1);
    bn.bias = F.mul(noise([6], seed + 4), 0.5);
  }
  return net;
}
