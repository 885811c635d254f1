import { F, manualSeed, nn, Tensor } from '@octavo/core';

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
