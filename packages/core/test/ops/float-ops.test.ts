import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import { fma } from '../../src/numerics/fma.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { sameFloats } from '../floats.js';
import { expectSameBits } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

const f = Math.fround;

describe('linear', () => {
  it('is a chain of FMAs, then the bias, then the activation', () => {
    const [x, weight, bias] = [randomTensor([2, 3], 1), randomTensor([2, 3], 2), randomTensor([2], 3)];
    const [a, w, b] = [x, weight, bias].map(({ raw }) => raw.data) as [Float32Array, Float32Array, Float32Array];
    const chain = [0, 1, 2].reduce((sum, k) => fma(a[3 + k]!, w[k]!, sum), 0);
    expect(F.linear(x, weight, bias).raw.data[2]).toBe(f(chain + b[0]!));
    expectSameBits('gelu', F.linear(x, weight, bias, { activation: 'gelu' }), F.gelu(F.linear(x, weight, bias)));
    expectSameBits('relu', F.linear(x, weight, null, { activation: 'relu' }), F.relu(F.linear(x, weight)));
  });

  it('says what does not fit', () => {
    expect(() => F.linear(Tensor.zeros([2, 3]), Tensor.zeros([4, 5]))).toThrow(
      '[aten::linear] expected x [..., in] and weight [out, in], got [2, 3] and [4, 5]',
    );
    expect(() => F.linear(Tensor.zeros([2, 3]), Tensor.zeros([4, 3]), Tensor.zeros([3]))).toThrow(
      'expected bias [4], got [3]',
    );
    expect(() => F.linear(Tensor.zeros([3], 'int8'), Tensor.zeros([4, 3]))).toThrow('x must be float32, got int8 [3]');
  });
});

describe('layer_norm', () => {
  it('normalises the last dimensions', () => {
    const y = F.layerNorm(Tensor.from([[1, 2, 3, 4]]), 4, Tensor.from([1, 1, 1, 2]), Tensor.from([0, 0, 0, 1]), 0);
    const unit = 1 / Math.sqrt(1.25);
    const expected = [-1.5 * unit, -0.5 * unit, 0.5 * unit, 3 * unit + 1];
    for (const [i, value] of y.raw.data.entries()) expect(value).toBeCloseTo(expected[i]!, 6);
    const x = randomTensor([2, 3, 4], 5);
    expectSameBits('two axes', F.layerNorm(x, [3, 4]), F.reshape(F.layerNorm(F.reshape(x, [2, 12]), 12), [2, 3, 4]));
  });

  it('says what does not fit', () => {
    expect(() => F.layerNorm(Tensor.zeros([2, 3]), 4)).toThrow('[layerNorm] expected x [..., 4], got [2, 3]');
    expect(() => F.layerNorm(Tensor.zeros([2, 3]), 3, Tensor.zeros([2]))).toThrow('expected weight [3], got [2]');
    expect(() => F.layerNorm(Tensor.zeros([3]), [1, 3])).toThrow('expected x [..., 1, 3], got [3]');
  });
});

describe('softmax', () => {
  it('sums to one along any dim', () => {
    const x = randomTensor([3, 5, 2], 7);
    expectSameBits('middle', F.softmax(x, 1), F.permute(F.softmax(F.permute(x, [0, 2, 1])), [0, 2, 1]));
    const rows = F.softmax(x, -1).raw.data;
    for (let i = 0; i < rows.length; i += 2) expect(rows[i]! + rows[i + 1]!).toBeCloseTo(1, 6);
    expect(F.softmax(Tensor.from(3)).toArray()).toBe(1);
    expect(() => F.softmax(x, 3)).toThrow('[aten::softmax] axis 3 is outside a tensor of rank 3');
  });

  it('keeps every bit when masked scores are appended', () => {
    for (const n of [1, 5, 16, 17, 40]) {
      const x = randomTensor([n], n);
      const alone = F.softmax(x).raw.data;
      for (const masked of [Number.NEGATIVE_INFINITY, -3.4e38, -200]) {
        for (const extra of [1, 15, 33]) {
          const padded = F.softmax(F.cat([x, Tensor.from(new Array<number>(extra).fill(masked))])).raw.data;
          expect(sameFloats(padded.subarray(0, n), alone)).toBe(true);
          expect(padded.subarray(n).every((p) => p === 0)).toBe(true);
        }
      }
    }
  });
});

describe('multi-head attention', () => {
  const [batch, queries, keys, heads, d] = [2, 3, 7, 2, 4];
  const q = randomTensor([batch, queries, heads * d], 1);
  const k = randomTensor([batch, keys, heads * d], 2);
  const v = randomTensor([batch, keys, heads * d], 3);

  it('has the bits of its parts: matmul, scale, mask, softmax, matmul', () => {
    const mask = randomTensor([batch, 1, 1, keys], 4);
    const split = (x: Tensor): Tensor => F.permute(F.reshape(x, [0, 0, heads, d]), [0, 2, 1, 3]);
    const scores = F.add(F.mul(F.matmul(split(q), F.transpose(split(k), 2, 3)), 0.3), mask);
    const parts = F.reshape(F.permute(F.matmul(F.softmax(scores), split(v)), [0, 2, 1, 3]), [0, 0, -1]);
    expectSameBits('parts', F.multiHeadAttention(q, k, v, mask, { heads, scale: 0.3 }), parts);
    const byDefault = F.multiHeadAttention(q, k, v, null, { heads });
    expectSameBits('scale', byDefault, F.multiHeadAttention(q, k, v, null, { heads, scale: 0.5 }));
  });

  it('keeps every bit when masked keys are appended, whatever they hold', () => {
    const alone = F.multiHeadAttention(q, k, v, null, { heads });
    for (const extra of [1, 9, 20]) {
      const more = (x: Tensor, seed: number): Tensor =>
        F.cat([x, F.mul(randomTensor([batch, extra, heads * d], seed), 100)], 1);
      const masks = new Array<number>(keys + extra).fill(0).fill(-3.4028234663852886e38, keys);
      const mask = Tensor.from(masks, { dims: [1, 1, 1, keys + extra] });
      expectSameBits(`${extra}`, F.multiHeadAttention(q, more(k, 8), more(v, 9), mask, { heads }), alone);
    }
  });

  it('says what does not fit', () => {
    const run = (...args: Parameters<typeof F.multiHeadAttention>): unknown => F.multiHeadAttention(...args);
    expect(() => run(q, k, v, null, { heads: 3 })).toThrow('expected q [batch, queries, 3 * d]');
    expect(() => run(q, v, F.slice(v, 1, 1), null, { heads })).toThrow('expected q [batch, queries, 2 * d]');
    expect(() => run(q, k, v, Tensor.zeros([batch, keys]), { heads })).toThrow(
      'expected mask broadcastable to [2, 2, 3, 7], got [2, 7]',
    );
  });
});

describe('rms_norm', () => {
  const x = randomTensor([2, 3, 20], 1);
  const weight = randomTensor([20], 2);

  it('has the bits of its parts', () => {
    const root = F.sqrt(F.add(F.mean(F.mul(x, x), [-1], { keepDim: true }), 1e-6));
    const parts = F.mul(F.mul(x, F.div(1, root)), weight);
    expectSameBits('weight', F.rmsNorm(x, weight, 1e-6), parts);
    expectSameBits('plain', F.rmsNorm(x), F.mul(x, F.div(1, root)));
  });

  it('is taken over as many dims as the weight has', () => {
    const both = F.rmsNorm(x, randomTensor([3, 20], 3));
    const flat = F.rmsNorm(F.reshape(x, [2, 60]), F.reshape(randomTensor([3, 20], 3), [60]));
    expectSameBits('dims', F.reshape(both, [2, 60]), flat);
    expect(() => F.rmsNorm(x, randomTensor([3], 3))).toThrow('expected weight [20], got [3]');
  });
});

describe('scaled_dot_product_attention', () => {
  const [batch, heads, groups, queries, keys, d, e] = [2, 4, 2, 3, 5, 6, 7] as const;
  const q = randomTensor([batch, heads, queries, d], 1);
  const k = randomTensor([batch, heads / groups, keys, d], 2);
  const v = randomTensor([batch, heads / groups, keys, e], 3);
  const mask = randomTensor([batch, 1, 1, keys], 4);

  it('has the bits of its parts, each head of keys for `groups` heads of queries in a row', () => {
    const each = (x: Tensor): Tensor => {
      const parts = [0, 0, 1, 1].map((head) => F.slice(x, 1, head, head + 1));
      return F.cat(parts, 1);
    };
    const scores = F.add(F.mul(F.matmul(q, F.transpose(each(k), 2, 3)), 0.3), mask);
    const parts = F.matmul(F.softmax(scores), each(v));
    expectSameBits('parts', F.scaledDotProductAttention(q, k, v, mask, { scale: 0.3, groups }), parts);
    const byDefault = F.scaledDotProductAttention(q, k, v, null, { groups });
    expectSameBits('scale', byDefault, F.scaledDotProductAttention(q, k, v, null, { scale: 1 / Math.sqrt(d), groups }));
  });

  it('says what does not fit', () => {
    const run = (...args: Parameters<typeof F.scaledDotProductAttention>): unknown =>
      F.scaledDotProductAttention(...args);
    expect(() => run(q, k, v)).toThrow('expected q [batch, 1 * n, queries, d], k [batch, n, keys, d]');
    expect(() => run(q, k, F.slice(v, 2, 1), null, { groups })).toThrow('expected q [batch, 2 * n, queries, d]');
    expect(() => run(q, k, v, Tensor.zeros([keys]), { groups })).toThrow(
      'expected mask broadcastable to [2, 4, 3, 5], got [5]',
    );
  });
});

describe('unary ops', () => {
  it('relu keeps NaN and -0, as a vector maximum does', () => {
    expect(F.relu(Tensor.from([-1, 2, -0, Number.NaN])).toArray()).toEqual([0, 2, -0, Number.NaN]);
  });

  it('are element-wise and float32 alone', () => {
    const x = Tensor.from([[0, 4]]);
    expect(F.sqrt(x).toArray()).toEqual([[0, 2]]);
    expect(F.neg(x).toArray()).toEqual([[-0, -4]]);
    expect(F.exp(x).raw.data[0]).toBe(1);
    expect(F.sigmoid(x).raw.data[0]).toBe(0.5);
    expect(F.erf(x).raw.data[1]).toBe(1);
    expect(() => F.tanh(Tensor.zeros([1], 'int64'))).toThrow('[aten::tanh] x must be float32, got int64 [1]');
  });
});
