import { F, Module, manualSeed, nn, Tensor } from '@octavo/core';

// Unless told otherwise, on the reference: what a graph computes is not the native kernels' business.
process.env.OCTAVO_BACKEND ??= 'reference';

// Small models that stand for the large ones: the same ops in the same places.

/** Linear, GELU, Linear. */
export class Mlp extends Module<(x: Tensor) => Tensor> {
  fc1 = new nn.Linear(8, 16);
  act = new nn.GELU();
  fc2 = new nn.Linear(16, 4);

  forward(x: Tensor): Tensor {
    return this.fc2.call(this.act.call(this.fc1.call(x)));
  }
}

class SelfAttention extends Module<(x: Tensor, mask: Tensor) => Tensor> {
  query = new nn.Linear(WIDTH, WIDTH);
  key = new nn.Linear(WIDTH, WIDTH);
  value = new nn.Linear(WIDTH, WIDTH);

  forward(x: Tensor, mask: Tensor): Tensor {
    const [q, k, v] = [this.query.call(x), this.key.call(x), this.value.call(x)];
    return F.multiHeadAttention(q, k, v, mask, { heads: 2 });
  }
}

const WIDTH = 8;

class Layer extends Module<(x: Tensor, mask: Tensor) => Tensor> {
  attention = new SelfAttention();
  norm1 = new nn.LayerNorm(WIDTH);
  up = new nn.Linear(WIDTH, 2 * WIDTH);
  act = new nn.GELU();
  down = new nn.Linear(2 * WIDTH, WIDTH);
  norm2 = new nn.LayerNorm(WIDTH);

  forward(x: Tensor, mask: Tensor): Tensor {
    const attended = this.norm1.call(F.add(x, this.attention.call(x, mask)));
    return this.norm2.call(F.add(attended, this.down.call(this.act.call(this.up.call(attended)))));
  }
}

/** A text classifier in BERT's shape: ids and mask [batch, length] int64 -> logits [batch, 2]. */
export class TinyClassifier extends Module<(ids: Tensor, mask: Tensor) => Tensor> {
  words = new nn.Embedding(20, WIDTH);
  positions = new nn.Embedding(16, WIDTH);
  norm = new nn.LayerNorm(WIDTH);
  layers = new nn.ModuleList([new Layer(), new Layer()]);
  pooler = new nn.Linear(WIDTH, WIDTH);
  tanh = new nn.Tanh();
  classifier = new nn.Linear(WIDTH, 2);

  forward(ids: Tensor, mask: Tensor): Tensor {
    const bias = F.mul(F.sub(1, F.unsqueeze(F.unsqueeze(F.to(mask, 'float32'), 1), 1)), -3.4028234663852886e38);
    let x = F.add(this.words.call(ids), this.positions.call(F.arangeLike(ids, 1)));
    x = this.norm.call(x);
    for (const layer of this.layers) x = layer.call(x, bias);
    return this.classifier.call(this.tanh.call(this.pooler.call(F.select(x, 1, 0))));
  }
}

export function seeded<M>(make: () => M, seed = 1): M {
  manualSeed(seed);
  return make();
}

/** float32 values that look random, the same each time. */
export function floats(dims: readonly number[], seed = 1, scale = 2): Tensor<'float32'> {
  let state = seed >>> 0;
  const size = dims.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * scale;
  });
  return new Tensor('float32', data, [...dims]);
}

/** Sentences of these lengths, padded to the longest (or `padTo`), and their mask. */
export function sentences(lengths: readonly number[], padTo = Math.max(...lengths)): { ids: Tensor; mask: Tensor } {
  const rows = lengths.map((length, row) =>
    Array.from({ length: padTo }, (_, i) => (i < length ? 1 + ((7 * row + 3 * i) % 19) : 0)),
  );
  const mask = lengths.map((length) => Array.from({ length: padTo }, (_, i) => (i < length ? 1 : 0)));
  return { ids: Tensor.from(rows, { dtype: 'int64' }), mask: Tensor.from(mask, { dtype: 'int64' }) };
}

/** The elements of a float32 result. */
export function floatsOf(tensor: Tensor | undefined): Float32Array {
  return (tensor as Tensor<'float32'>).data;
}

/** The bits of a tensor, for exact comparison. */
export function bits(tensor: Tensor | undefined): unknown {
  if (tensor === undefined) return undefined;
  const { type, raw } = tensor;
  return [
    type,
    raw.dims.join(),
    Buffer.from(raw.data.buffer, raw.data.byteOffset, raw.data.byteLength).toString('hex'),
  ];
}
