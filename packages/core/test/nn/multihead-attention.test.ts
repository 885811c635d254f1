import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import * as nn from '../../src/nn/index.js';
import { type Recorder, withRecorder } from '../../src/ops/recorder.js';
import { manualSeed } from '../../src/random.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

const [queries, keys, batch, embedDim, heads] = [3, 5, 2, 8, 2];
const query = randomTensor([queries, batch, embedDim], 1);
const key = randomTensor([keys, batch, embedDim], 2);
const value = randomTensor([keys, batch, embedDim], 3);
const swap = (x: Tensor): Tensor => F.transpose(x, 0, 1);

function attention(options: nn.MultiheadAttentionOptions = {}): nn.MultiheadAttention {
  manualSeed(7);
  const module = new nn.MultiheadAttention(embedDim, heads, options);
  // Biases start at zeros; others show where they are applied.
  if (module.in_proj_bias !== null) module.in_proj_bias = randomTensor([3 * embedDim], 4);
  return module;
}

/** One output in double, by the formula: item `n`, query `t`, the output of every head before out_proj. */
function headsByHand(module: nn.MultiheadAttention, n: number, t: number, masked: (key: number) => boolean): number[] {
  const at = (x: Tensor, ...index: [number, number]): number[] =>
    [...(x.raw.data as Float32Array)].slice((index[0] * batch + index[1]) * embedDim).slice(0, embedDim);
  const weight = module.in_proj_weight!.toArray() as number[][];
  const bias = module.in_proj_bias!.toArray() as number[];
  const project = (x: number[], part: number): number[] =>
    Array.from({ length: embedDim }, (_, i) => {
      const row = part * embedDim + i;
      return weight[row]!.reduce((sum, w, j) => sum + w * x[j]!, bias[row]!);
    });
  const q = project(at(query, t, n), 0);
  const d = embedDim / heads;
  return Array.from({ length: heads }, (_, head) => {
    const part = (x: number[]): number[] => x.slice(head * d, (head + 1) * d);
    const scores = Array.from({ length: keys }, (_, s) => {
      const k = part(project(at(key, s, n), 1));
      const score = part(q).reduce((sum, x, i) => sum + x * k[i]!, 0) / Math.sqrt(d);
      return masked(s) ? 0 : Math.exp(score);
    });
    const total = scores.reduce((a, b) => a + b);
    return Array.from({ length: d }, (_, i) =>
      scores.reduce((sum, e, s) => sum + (e / total) * part(project(at(value, s, n), 2))[i]!, 0),
    );
  }).flat();
}

describe('MultiheadAttention', () => {
  it('is the formula, with the masks of keys', () => {
    const module = attention();
    module.out_proj.weight = Tensor.from(
      Array.from({ length: embedDim }, (_, i) => Array.from({ length: embedDim }, (_, j) => (i === j ? 1 : 0))),
    );
    const padding = [
      [0, 0, 0, 0, 0],
      [0, 1, 0, 0, 1],
    ];
    const [y] = module.call(query, key, value, { keyPaddingMask: Tensor.from(padding, { dtype: 'bool' }) });
    for (let n = 0; n < batch; n++) {
      for (let t = 0; t < queries; t++) {
        const expected = headsByHand(module, n, t, (s) => padding[n]![s] === 1);
        const got = F.select(F.select(y, 0, t), 0, n).toArray() as number[];
        for (const [i, x] of got.entries()) expect(x).toBeCloseTo(expected[i]!, 5);
      }
    }
  });

  it('gives the same bits with and without weights, and weights that sum to one', () => {
    const module = attention();
    const [y, averaged] = module.call(query, key, value);
    const [fused, none] = module.call(query, key, value, { needWeights: false });
    expectSameBits('output', fused, y);
    expect(none).toBeNull();
    const [, each] = module.call(query, key, value, { averageAttnWeights: false });
    expect([averaged!.raw.dims, each!.raw.dims]).toEqual([
      [batch, queries, keys],
      [batch, heads, queries, keys],
    ]);
    expectSameBits('average', averaged!, F.mean(each!, 1));
    const rows = F.mul(F.mean(averaged!, 2), keys).raw.data;
    for (const sum of rows) expect(sum).toBeCloseTo(1, 6);
  });

  it('projects self-attention by one linear, with the bits of three', () => {
    const module = attention();
    const copies = (): [Tensor, Tensor] => [F.mul(key, 1), F.mul(key, 1)];
    expectSameBits('self', module.call(key, key, key)[0], module.call(key, ...copies())[0]);
  });

  it('takes batches first, and one item without a batch', () => {
    const [y, weights] = attention().call(query, key, value);
    const first = attention({ batchFirst: true });
    const [z, same] = first.call(swap(query), swap(key), swap(value));
    expectSameBits('batch first', swap(z), y);
    expectSameBits('weights', same!, weights!);
    const item = (x: Tensor): Tensor => F.select(x, 1, 1);
    const [single, singleWeights] = attention().call(item(query), item(key), item(value));
    expectSameBits('item', single, item(y));
    expectSameBits('item weights', singleWeights!, F.select(weights!, 0, 1));
  });

  it('takes masks of queries as [queries, keys], for each head, and as floats', () => {
    const module = attention();
    const later = Array.from({ length: queries }, (_, t) => Array.from({ length: keys }, (_, s) => (s > t ? 1 : 0)));
    const run = (attnMask: Tensor): Tensor => module.call(query, key, value, { attnMask })[0];
    const y = run(Tensor.from(later, { dtype: 'bool' }));
    const everyHead = Array.from({ length: batch * heads }, () => later);
    expectSameBits('heads', run(Tensor.from(everyHead, { dtype: 'bool' })), y);
    const floats = later.map((row) => row.map((x) => (x === 1 ? Number.NEGATIVE_INFINITY : 0)));
    expectSameBits('floats', run(Tensor.from(floats)), y);
    // The first query sees the first key alone, whatever the others hold.
    const other = F.cat([F.slice(value, 0, 0, 1), randomTensor([keys - 1, batch, embedDim], 9)], 0);
    const [z] = module.call(query, key, other, { attnMask: Tensor.from(later, { dtype: 'bool' }) });
    expectSameBits('first', F.select(z, 0, 0), F.select(y, 0, 0));
  });

  it('two masks on every key leave a finite result', () => {
    const all = Tensor.from(
      Array.from({ length: queries }, () => new Array<number>(keys).fill(1)),
      { dtype: 'bool' },
    );
    const padding = Tensor.from(
      Array.from({ length: batch }, () => new Array<number>(keys).fill(1)),
      { dtype: 'bool' },
    );
    const [, weights] = attention().call(query, key, value, { attnMask: all, keyPaddingMask: padding });
    for (const w of weights!.raw.data) expect(w).toBeCloseTo(1 / keys, 6);
  });

  it('has keys and values of other widths', () => {
    const module = attention({ kdim: 3, vdim: 6 });
    const [y] = module.call(query, randomTensor([keys, batch, 3], 5), randomTensor([keys, batch, 6], 6));
    expect(y.raw.dims).toEqual([queries, batch, embedDim]);
    const shapes = Object.entries(module.stateDict()).map(([name, { raw }]) => `${name} [${raw.dims}]`);
    expect(shapes).toEqual([
      'q_proj_weight [8,8]',
      'k_proj_weight [8,3]',
      'v_proj_weight [8,6]',
      'in_proj_bias [24]',
      'out_proj.weight [8,8]',
      'out_proj.bias [8]',
    ]);
  });

  it("has PyTorch's parameters, and prints its child", () => {
    expect(Object.keys(attention().stateDict())).toEqual([
      'in_proj_weight',
      'in_proj_bias',
      'out_proj.weight',
      'out_proj.bias',
    ]);
    expect(Object.keys(attention({ bias: false }).stateDict())).toEqual(['in_proj_weight', 'out_proj.weight']);
    expect(String(attention())).toBe(
      'MultiheadAttention(\n  (out_proj): Linear(in_features=8, out_features=8, bias=True)\n)',
    );
    const start = new nn.MultiheadAttention(4, 2);
    const bound = Math.sqrt(6 / 16);
    expect(start.in_proj_weight!.raw.data.every((x) => Math.abs(Number(x)) <= bound)).toBe(true);
    expect(start.in_proj_bias!.toArray()).toEqual(new Array<number>(12).fill(0));
  });

  it('can be traced for any sizes: it reads no dims', () => {
    const seen: string[] = [];
    const recorder: Recorder = { op: ({ name }) => void seen.push(name), enter() {}, leave() {}, read: expect.fail };
    const mask = Tensor.zeros([queries, keys], 'bool');
    withRecorder(recorder, () => attention().call(query, key, value, { attnMask: mask, needWeights: false }));
    withRecorder(recorder, () => attention({ batchFirst: true }).call(swap(key), swap(key), swap(key)));
    expect(seen).toContain('octavo::multi_head_attention');
  });

  it('says what does not fit', () => {
    const module = attention();
    expect(() => module.call(query, key, randomTensor([keys, batch, 7], 1))).toThrow(
      '[MultiheadAttention] expected query [time, batch, 8], key [time, batch, 8] and value [time, batch, 8]',
    );
    expect(() => module.call(query, key, value, { keyPaddingMask: Tensor.zeros([5], 'bool') })).toThrow(
      'expected keyPaddingMask [batch, keys], got [5]',
    );
    expect(() => module.call(query, key, value, { attnMask: Tensor.zeros([3, 5], 'int32') })).toThrow(
      'attnMask must be bool or float32, got int32',
    );
    expect(() => new nn.MultiheadAttention(8, 3)).toThrow('embedDim must be a multiple of numHeads, got 8 and 3');
  });
});

describe('EmbeddingBag', () => {
  it('calls the functional form with its options', () => {
    const bag = new nn.EmbeddingBag(6, 4, { mode: 'sum', paddingIdx: 0, includeLastOffset: true });
    const ids = Tensor.from([1, 0, 5], { dtype: 'int64' });
    const offsets = Tensor.from([0, 2, 3], { dtype: 'int64' });
    const samples = randomTensor([3], 1);
    expectSameBits(
      'bag',
      bag.call(ids, offsets, samples),
      F.embeddingBag(ids, bag.weight, offsets, {
        mode: 'sum',
        paddingIdx: 0,
        includeLastOffset: true,
        perSampleWeights: samples,
      }),
    );
    expect(F.select(bag.weight, 0, 0).toArray()).toEqual([0, 0, 0, 0]);
    expect(String(bag)).toBe("EmbeddingBag(6, 4, padding_idx=0, mode='sum')");
    expect(String(new nn.EmbeddingBag(6, 4))).toBe("EmbeddingBag(6, 4, mode='mean')");
    expect(() => new nn.EmbeddingBag(2, 2, { paddingIdx: 2 })).toThrow('paddingIdx must be an index from 0 to 1');
  });
});
