import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import { laneSum } from '../../src/numerics/lane-sum.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

const f = Math.fround;

describe('group_norm', () => {
  const x = randomTensor([2, 6, 3, 5], 1);
  const [weight, bias] = [randomTensor([6], 2), randomTensor([6], 3)];

  it('has the bits of layer_norm over each group, scaled channel by channel', () => {
    const plain = F.reshape(F.layerNorm(F.reshape(x, [4, 45]), 45), [2, 6, 3, 5]);
    expectSameBits('plain', F.groupNorm(x, 2), plain);
    const spread = (channels: Tensor): Tensor =>
      F.mul(F.reshape(channels, [6, 1, 1]), Tensor.from(1, { dims: [1, 1, 1] }));
    const one = F.groupNorm(F.slice(x, 0, 1), 1, weight, bias);
    const wide = F.layerNorm(
      F.slice(x, 0, 1),
      [6, 3, 5],
      F.add(Tensor.zeros([6, 3, 5]), spread(weight)),
      F.add(Tensor.zeros([6, 3, 5]), spread(bias)),
    );
    expectSameBits('affine', one, wide);
  });

  it('weight and bias belong to channels in every group', () => {
    const channel = (y: Tensor, c: number): Tensor => F.slice(y, 1, c, c + 1);
    const scaled = F.groupNorm(x, 3, Tensor.from([1, 1, 1, 1, 2, 1]), Tensor.from([0, 0, 0, 5, 0, 0]));
    const plain = F.groupNorm(x, 3);
    expectSameBits('2', channel(scaled, 2), channel(plain, 2));
    expectSameBits('4', channel(scaled, 4), F.mul(channel(plain, 4), 2));
    expectSameBits('3', channel(scaled, 3), F.add(channel(plain, 3), 5));
  });

  it('instance norm is a group for each channel', () => {
    expectSameBits('instance', F.instanceNorm(x, weight, bias, 0.1), F.groupNorm(x, 6, weight, bias, 0.1));
  });

  it('says what does not fit', () => {
    expect(() => F.groupNorm(x, 4)).toThrow(
      '[aten::group_norm] expected x [batch, 4 * channels, ...], got [2, 6, 3, 5]',
    );
    expect(() => F.groupNorm(x, 2, Tensor.zeros([3]))).toThrow('expected weight [6], got [3]');
    expect(() => F.groupNorm(Tensor.zeros([6]), 2)).toThrow('expected x [batch, 2 * channels, ...], got [6]');
  });
});

describe('mean', () => {
  it('is the lane sum over the count, in row-major order of the reduced axes', () => {
    const x = randomTensor([3, 40], 1);
    const { data } = x.raw;
    const row = (i: number): number => f(laneSum(40, (k) => data[i * 40 + k] as number) / 40);
    expect(F.mean(x, -1).toArray()).toEqual([row(0), row(1), row(2)]);
    const cube = randomTensor([2, 5, 7, 3], 2);
    const moved = F.reshape(F.permute(cube, [0, 2, 1, 3]), [2, 7, 15]);
    expectSameBits('axes', F.mean(cube, [3, 1]), F.mean(moved, 2));
  });

  it('keeps axes as 1 where asked, and takes all of them where none is named', () => {
    const x = Tensor.from([
      [1, 2, 3],
      [5, 6, 7],
    ]);
    expect(F.mean(x, 0).toArray()).toEqual([3, 4, 5]);
    expect(F.mean(x, [1], { keepDim: true }).toArray()).toEqual([[2], [6]]);
    expect(F.mean(x).toArray()).toBe(4);
    expect(F.mean(x, [], { keepDim: true }).raw.dims).toEqual([1, 1]);
    expect(F.mean(Tensor.from(7)).toArray()).toBe(7);
  });

  it('says what does not fit', () => {
    expect(() => F.mean(Tensor.zeros([2, 0]), 1)).toThrow('[aten::mean] expected a mean over elements, got [2, 0]');
    expect(() => F.mean(Tensor.zeros([2]), [0, 0])).toThrow('expected x with different axes [0, 0], got [2]');
    expect(() => F.mean(Tensor.zeros([2]), 1)).toThrow('expected x with different axes [1], got [2]');
  });
});

describe('log_softmax', () => {
  it('is the logarithm of softmax along any dim, and finite where softmax is 0', () => {
    const x = randomTensor([3, 20, 2], 4);
    const y = F.logSoftmax(x, 1);
    const p = F.softmax(x, 1).raw.data;
    for (const [i, value] of y.raw.data.entries()) expect(value).toBeCloseTo(Math.log(p[i] as number), 5);
    expectSameBits('dim', y, F.permute(F.logSoftmax(F.permute(x, [0, 2, 1])), [0, 2, 1]));
    expect(F.logSoftmax(Tensor.from([0, -1000])).toArray()).toEqual([0, -1000]);
    expect(F.logSoftmax(Tensor.from([2, Number.NEGATIVE_INFINITY])).toArray()).toEqual([0, Number.NEGATIVE_INFINITY]);
    expect(() => F.logSoftmax(x, 3)).toThrow('[aten::log_softmax] axis 3 is outside a tensor of rank 3');
  });
});
