import '../../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as Q from '../../../src/quantized/index.js';
import { Tensor } from '../../../src/tensor/tensor.js';
import { codes, quantized } from './codes.js';

const out = { scale: 0.5, zeroPoint: 10 };

describe('batchNorm', () => {
  const x = quantized(
    [
      [
        [2, 4],
        [2, 4],
      ],
    ],
    1,
    2,
  ); // two channels of 0, 2
  const mean = Tensor.from([0, 1]);
  const variance = Tensor.from([1, 4]);

  it('normalises each channel by known statistics', () => {
    const y = Q.batchNorm(x, mean, variance, { ...out, eps: 0 });
    expect(codes(y)).toEqual([10, 14, 9, 11]); // 0, 2, -0.5, 0.5
    const affine = { weight: Tensor.from([2, 4]), bias: Tensor.from([-1, 1]), eps: 0 };
    expect(codes(Q.batchNorm(x, mean, variance, { ...out, ...affine }))).toEqual([8, 16, 8, 16]); // -1, 3, -1, 3
    expect(codes(Q.batchNorm(x, mean, variance, { ...out, ...affine, relu: true }))).toEqual([10, 16, 10, 16]);
  });

  it('says what does not fit', () => {
    expect(() => Q.batchNorm(x, Tensor.from([0]), variance, out)).toThrow(
      '[quantized::batch_norm] expected mean [2], got [1]',
    );
    expect(() => Q.batchNorm(x, mean, null as never, out)).toThrow('[quantized::batch_norm] var must be a tensor');
    expect(() => Q.batchNorm(x, mean, variance, { ...out, eps: -1 })).toThrow(
      'eps must be finite and not negative, got -1',
    );
    expect(() => Q.batchNorm(quantized([1], 1, 0), mean, variance, out)).toThrow(
      'expected x [n, channels, ...], got [1]',
    );
  });
});

describe('layer, group and instance norm', () => {
  // Each row is 1 below and 1 above its mean in codes: its normalised values are -1 and 1 whatever the scale.
  const rows = quantized(
    [
      [
        [3, 5],
        [100, 102],
      ],
    ],
    0.25,
    7,
  );

  it('take the statistics from exact sums of codes', () => {
    const plain = [8, 12, 8, 12];
    expect(codes(Q.layerNorm(rows, 2, { ...out, eps: 0 }))).toEqual(plain);
    expect(codes(Q.instanceNorm(rows, { ...out, eps: 0 }))).toEqual(plain);
    expect(codes(Q.groupNorm(rows, 2, { ...out, eps: 0 }))).toEqual(plain);
    expect(codes(Q.groupNorm(rows, 1, { ...out, eps: 0 }))).toEqual([8, 8, 12, 12]); // -1.02, -0.98, 0.98, 1.02
    expect(codes(Q.layerNorm(rows, [2, 2], { ...out, eps: 0 }))).toEqual([8, 8, 12, 12]);
  });

  it('weights go by element, or by channel', () => {
    const affine = { weight: Tensor.from([1, 2]), bias: Tensor.from([0.5, -0.5]), eps: 0 };
    expect(codes(Q.layerNorm(rows, [2], { ...out, ...affine }))).toEqual([9, 13, 9, 13]); // -0.5, 1.5
    expect(codes(Q.instanceNorm(rows, { ...out, ...affine }))).toEqual([9, 13, 5, 13]); // -0.5, 1.5, -2.5, 1.5
  });

  it('a constant row is the bias', () => {
    expect(codes(Q.layerNorm(quantized([[9, 9, 9]], 0.1, 4), 3, out))).toEqual([10, 10, 10]);
    expect(codes(Q.layerNorm(quantized([[]], 0.1, 4), 0, out))).toEqual([]);
  });

  it('say what does not fit', () => {
    expect(() => Q.layerNorm(rows, [3], out)).toThrow('[quantized::layer_norm] expected x [..., 3], got [1, 2, 2]');
    expect(() => Q.layerNorm(rows, 2, { ...out, weight: Tensor.from([1]) })).toThrow('expected weight [2], got [1]');
    expect(() => Q.groupNorm(rows, 3, out)).toThrow(
      '[quantized::group_norm] expected x [n, 3 * channels, ...], got [1, 2, 2]',
    );
    expect(() => Q.groupNorm(rows, 2, { ...out, bias: Tensor.from([1, 2, 3]) })).toThrow('expected bias [2], got [3]');
  });
});
