import '../../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../../src/functional.js';
import { dispatch } from '../../../src/ops/dispatch.js';
import { opByName } from '../../../src/ops/op-table.js';
import { dequantize } from '../../../src/quantize.js';
import * as Q from '../../../src/quantized/index.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { codes, quantized } from './codes.js';

const image = quantized(
  [
    [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 10, 11, 12],
    ],
  ],
  0.5,
  5,
);

describe('maxPool2d', () => {
  it('takes the largest code, padding never', () => {
    const y = Q.maxPool2d(image, 2);
    expect([y.values.raw.dims, codes(y), y.scale, y.zeroPoint]).toEqual([[1, 1, 2], [6, 8], 0.5, 5]);
    expect(codes(Q.maxPool2d(image, [3, 1], { stride: 1 }))).toEqual([9, 10, 11, 12]);
    expect(codes(Q.maxPool2d(image, 2, { stride: 2, padding: 1 }))).toEqual([1, 3, 4, 9, 11, 12]);
    expect(codes(Q.maxPool2d(image, 2, { ceilMode: true }))).toEqual([6, 8, 10, 12]);
    expect(codes(Q.maxPool2d(image, 2, { stride: 1, dilation: 2 }))).toEqual([11, 12]);
    expect(codes(Q.maxPool2d(quantized([[[-128, -3]]], 1, 0, 'qint8'), [1, 2]))).toEqual([-3]);
  });

  it('with dilation, padding starts the first windows at their first element inside', () => {
    expect(codes(Q.maxPool2d(image, [1, 2], { stride: 1, dilation: 2, padding: [0, 1] }))).toEqual([
      2, 3, 4, 3, 6, 7, 8, 7, 10, 11, 12, 11,
    ]);
  });

  it('takes padding of each side, and one axis or three', () => {
    expect(codes(Q.maxPool2d(image, 2, { stride: 2, padding: [0, 0, 1, 0] }))).toEqual([6, 8, 10, 12]);
    expect(codes(Q.avgPool2d(image, [1, 2], { padding: [0, 1, 0, 0], countIncludePad: false }))).toEqual([
      1, 3, 5, 7, 9, 11,
    ]); // 1, 2.5; 5, 6.5; 9, 10.5: less 5, halves to even
    expect(codes(Q.maxPool1d(image, 2))).toEqual([2, 4, 6, 8, 10, 12]);
    const volume = quantized([[[[1, 2]], [[3, 4]], [[5, 7]]]], 1, 0);
    expect(codes(Q.maxPool3d(volume, [2, 1, 2], { stride: 1 }))).toEqual([4, 7]);
    expect(codes(Q.avgPool3d(volume, [3, 1, 1]))).toEqual([3, 4]); // 9 / 3, 13 / 3
    expect(codes(Q.avgPool1d(image, 4))).toEqual([3, 7, 11]); // means 2.5, 6.5, 10.5 less 5, halves to even
    expect(codes(Q.adaptiveAvgPool1d(image, 1))).toEqual([3, 7, 11]);
    expect(codes(Q.adaptiveAvgPool3d(volume, 1))).toEqual([4]); // 22 / 6
  });

  it('says what does not fit', () => {
    expect(() => Q.maxPool2d(image, 2, { padding: 2 })).toThrow(
      "[quantized::max_pool2d] padding 2 is more than half of the window's 2",
    );
    expect(() => Q.maxPool2d(image, 4)).toThrow('expected an input that holds a window of 4, got [1, 3, 4]');
    expect(() => Q.maxPool2d(image, 0)).toThrow('kernel must be an integer of at least 1, or 2 of them, got 0');
    expect(() => Q.maxPool2d(quantized([[1]], 1, 0), 1)).toThrow(
      'expected x [..., channels, height, width], got [1, 1]',
    );
  });
});

describe('average pools', () => {
  it('round the mean difference to the zero point, halves to even', () => {
    expect(codes(Q.avgPool2d(image, 2))).toEqual([3, 5]); // means 3.5, 5.5 less 5: -1.5 -> -2, 0.5 -> 0
    expect(codes(Q.avgPool2d(image, 2, { ceilMode: true }))).toEqual([3, 5, 9, 11]); // 9.5 - 5 = 4.5 -> 4, 6.5 -> 6
    expect(codes(Q.adaptiveAvgPool2d(image, 1))).toEqual([7]); // 6.5 - 5 = 1.5 -> 2
    expect(codes(Q.adaptiveAvgPool2d(image, [2, 3]))).toEqual([3, 5, 5, 7, 9, 9]); // windows overlap
    expect(codes(Q.mean(image))).toEqual([7]);
  });

  it('count padding as zeros unless told, or divide by what they are told', () => {
    const four = quantized(
      [
        [
          [9, 9],
          [9, 9],
        ],
      ],
      1,
      5,
    ); // every value is 4
    expect(codes(Q.avgPool2d(four, 2, { padding: 1 }))).toEqual([6, 6, 6, 6]); // 4 / 4
    expect(codes(Q.avgPool2d(four, 2, { padding: 1, countIncludePad: false }))).toEqual([9, 9, 9, 9]);
    expect(codes(Q.avgPool2d(four, 2, { divisorOverride: 2 }))).toEqual([13]); // 16 / 2
  });

  it('nchw adds the zero point before rounding, for vectors alone', () => {
    const attrs = { kernel: [2, 2], xZeroPoint: 5, nchw: 1 };
    const [y] = dispatch(opByName('quantized::avg_pool2d'), [image.values], attrs);
    expect([...(y as Tensor<'uint8'>).raw.data]).toEqual([4, 6]); // 3.5, 5.5 -> even
  });

  it('mean reduces the named dims', () => {
    expect(codes(Q.mean(image, [-1]))).toEqual([3, 7, 11]); // -2.5 -> -2, 1.5 -> 2, 5.5 -> 6
    expect(Q.mean(image, [1, 2], true).values.raw.dims).toEqual([1, 1, 1]);
    expect(Q.mean(image, [0]).values.raw.dims).toEqual([3, 4]);
    expect(() => Q.mean(image, [3])).toThrow('[quantized::mean] expected x with different axes [3], got [1, 3, 4]');
    expect(() => Q.mean(image, [0, -3])).toThrow('different axes');
    expect(() => Q.mean(quantized([[]], 1, 0))).toThrow('expected a mean over elements, got [1, 0]');
  });

  it('say what does not fit', () => {
    expect(() => Q.adaptiveAvgPool2d(image, 0)).toThrow(
      'outputSize must be an integer of at least 1, or 2 of them, got 0',
    );
    const none = (): unknown => dispatch(opByName('quantized::avg_pool2d'), [image.values], { kernel: [1, 1] });
    expect(none).toThrow('[quantized::avg_pool2d] xZeroPoint must be an integer from 0 to 255');
    expect(() => Q.adaptiveAvgPool2d(quantized([[[]]], 1, 0), 1)).toThrow('expected an input with elements');
  });
});

describe('pad', () => {
  const x = quantized([[10, 20, 30]], 0.5, 5);

  it('puts the zero point around the last dims, and takes elements away where it is negative', () => {
    expect(codes(Q.pad(x, [1, 2]))).toEqual([5, 10, 20, 30, 5, 5]);
    expect(codes(Q.pad(x, [-1, 0, 0, 1]))).toEqual([20, 30, 5, 5]);
    expect(Q.pad(x, [1, 2]).scale).toBe(0.5);
    expect(dequantize(Q.pad(x, [-1, 1, 1, 0])).data).toEqual(F.pad(dequantize(x), [-1, 1, 1, 0]).data);
  });

  it('says what does not fit', () => {
    expect(() => Q.pad(x, [1])).toThrow('[pad] expected two numbers for each padded dim');
    expect(() => Q.pad(x, [-4, 0])).toThrow('[quantized::pad] expected x no smaller than what the padding');
    expect(() => dispatch(opByName('quantized::pad'), [x.values], { padding: [1, 1], xZeroPoint: 256 })).toThrow(
      'xZeroPoint must be an integer from 0 to 255 for uint8, got 256',
    );
  });
});

describe('interpolate', () => {
  const two = quantized(
    [
      [
        [10, 20],
        [30, 40],
      ],
    ],
    0.5,
    5,
  );

  it('copies the nearest code, or mixes four', () => {
    expect(codes(Q.interpolate(two, [2, 4]))).toEqual([10, 10, 20, 20, 30, 30, 40, 40]);
    expect(codes(Q.interpolate(two, 1))).toEqual([10]);
    expect(codes(Q.interpolate(two, [2, 4], { mode: 'bilinear' }))).toEqual([10, 13, 17, 20, 30, 33, 37, 40]);
    expect(codes(Q.interpolate(two, 3, { mode: 'bilinear', alignCorners: true }))).toEqual([
      10, 15, 20, 20, 25, 30, 30, 35, 40,
    ]);
    expect(codes(Q.interpolate(two, 1, { mode: 'bilinear', alignCorners: true }))).toEqual([10]);
  });

  it('says what does not fit', () => {
    expect(() => Q.interpolate(two, 0)).toThrow(
      '[quantized::upsample_nearest2d] size must be two integers of 1 or more, got [0, 0]',
    );
    expect(() => Q.interpolate(two, 2, { mode: 'bicubic' as never })).toThrow('mode must be nearest or bilinear');
    expect(() => Q.interpolate(quantized([1], 1, 0), 2, { mode: 'bilinear' })).toThrow(
      '[quantized::upsample_bilinear2d] expected x [..., channels, height, width] with pixels, got [1]',
    );
  });
});
