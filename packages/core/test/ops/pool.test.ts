import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

const f = Math.fround;
const image = Tensor.from([
  [
    [1, 2, 3, 4],
    [5, 6, 7, 8],
    [9, 10, 11, 12],
  ],
]);
const flat = (x: Tensor): number[] => [...(x.raw.data as Float32Array)];

describe('max pools', () => {
  it('take the largest element, padding never', () => {
    expect(F.maxPool2d(image, 2).toArray()).toEqual([[[6, 8]]]);
    expect(flat(F.maxPool2d(image, 2, { ceilMode: true }))).toEqual([6, 8, 10, 12]);
    expect(flat(F.maxPool2d(image, 2, { stride: 2, padding: 1 }))).toEqual([1, 3, 4, 9, 11, 12]);
    expect(flat(F.maxPool2d(image, 2, { stride: 2, padding: [0, 0, 1, 0] }))).toEqual([6, 8, 10, 12]);
    expect(flat(F.maxPool2d(image, [1, 2], { stride: 1, dilation: 2, padding: [0, 1] }))).toEqual([
      2, 3, 4, 3, 6, 7, 8, 7, 10, 11, 12, 11,
    ]);
    const negative = Tensor.from([[[-3, -2, -5]]]);
    expect(F.maxPool1d(negative, 2, { stride: 1, padding: 1 }).toArray()).toEqual([[[-3, -2, -2, -5]]]);
  });

  it('NaN wins, and the first of equal zeros', () => {
    const x = Tensor.from([[1, Number.NaN, 3, -Infinity, -0, 0]]);
    expect(F.maxPool1d(x, 2).toArray()).toEqual([[Number.NaN, 3, -0]]);
  });

  it('work over one axis or three', () => {
    const volume = Tensor.from([[[[1, 2]], [[3, 4]], [[5, 7]]]]);
    expect(flat(F.maxPool3d(volume, [2, 1, 2], { stride: 1 }))).toEqual([4, 7]);
    expect(flat(F.maxPool1d(image, 2))).toEqual([2, 4, 6, 8, 10, 12]);
  });

  it('say what does not fit', () => {
    expect(() => F.maxPool2d(image, 3, { padding: 2 })).toThrow(
      "[aten::max_pool] padding 2 is more than half of the window's 3",
    );
    expect(() => F.maxPool2d(image, 4)).toThrow('expected an input that holds a window of 4, got [1, 3, 4]');
    expect(() => F.maxPool2d(image, [2, 2, 2])).toThrow('kernel must be an integer of at least 1, or 2 of them');
    expect(() => F.maxPool2d(Tensor.zeros([4, 4]), 2)).toThrow('expected x [..., channels, height, width], got [4, 4]');
    expect(() => F.maxPool2d(Tensor.zeros([1, 4, 4], 'uint8'), 2)).toThrow('x must be float32, got uint8 [1, 4, 4]');
  });
});

describe('average pools', () => {
  it('add in row-major order and divide once', () => {
    const x = randomTensor([2, 3, 7, 7], 1);
    const data = x.raw.data;
    const sum = [...data.subarray(49, 98)].reduce((s, each) => f(s + each), 0);
    expect(F.adaptiveAvgPool2d(x, 1).raw.data[1]).toBe(f(sum / 49));
    expectSameBits('the same window', F.avgPool2d(x, 7), F.adaptiveAvgPool2d(x, 1));
    const corner = [data[0]!, data[1]!, data[7]!, data[8]!].reduce((s, each) => f(s + each), 0);
    expect(F.avgPool2d(x, 2).raw.data[0]).toBe(f(corner / 4));
  });

  it('count padding as zeros unless told, or divide by what they are told', () => {
    const four = Tensor.from([[[4, 4], [4, 4]]]); // biome-ignore format: one line
    expect(flat(F.avgPool2d(four, 2, { padding: 1 }))).toEqual([1, 1, 1, 1]);
    expect(flat(F.avgPool2d(four, 2, { padding: 1, countIncludePad: false }))).toEqual([4, 4, 4, 4]);
    expect(flat(F.avgPool2d(four, 2, { divisorOverride: 2 }))).toEqual([8]);
    expect(flat(F.avgPool1d(four, 2, { padding: [0, 1], stride: 1 }))).toEqual([4, 2, 4, 2]);
    expect(() => F.avgPool2d(four, 2, { divisorOverride: 0 })).toThrow(
      '[aten::avg_pool] divisorOverride must be an integer of at least 1, or null, got 0',
    );
  });

  it('the last windows of ceilMode count the padding they reach, not what lies behind it', () => {
    expect(flat(F.avgPool2d(image, 2, { ceilMode: true }))).toEqual([3.5, 5.5, 9.5, 11.5]);
    // PyTorch: avg_pool1d(ones(1, 1, 4), 3, stride=2, padding=1, ceil_mode=True)
    const ones = Tensor.from([[1, 1, 1, 1]]);
    expect(flat(F.avgPool1d(ones, 3, { stride: 2, padding: 1, ceilMode: true }))).toEqual([f(2 / 3), 1, 0.5]);
  });

  it('adaptive ones take overlapping parts', () => {
    expect(flat(F.adaptiveAvgPool2d(image, [2, 3]))).toEqual([3.5, 4.5, 5.5, 7.5, 8.5, 9.5]);
    expect(flat(F.adaptiveAvgPool1d(image, 2))).toEqual([1.5, 3.5, 5.5, 7.5, 9.5, 11.5]);
    expect(flat(F.adaptiveAvgPool3d(Tensor.from([[[[1, 2]], [[3, 4]]]]), [1, 1, 2]))).toEqual([2, 3]);
    expect(flat(F.avgPool3d(Tensor.from([[[[1, 2]], [[3, 4]]]]), [2, 1, 1]))).toEqual([2, 3]);
    expect(() => F.adaptiveAvgPool2d(Tensor.zeros([1, 0, 2]), 1)).toThrow('expected an input with elements');
    expect(() => F.adaptiveAvgPool2d(image, 0)).toThrow('outputSize must be an integer of at least 1');
  });
});
