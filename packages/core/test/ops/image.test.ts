import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import * as nn from '../../src/nn/index.js';
import { dispatch } from '../../src/ops/dispatch.js';
import { opByName } from '../../src/ops/op-table.js';
import { type Recorder, withRecorder } from '../../src/ops/recorder.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

const flat = (x: Tensor): number[] => [...(x.raw.data as Float32Array)];
const two = Tensor.from([[[[10, 20], [30, 40]]]]); // biome-ignore format: one line

describe('interpolate', () => {
  it('copies the nearest element along one, two or three axes', () => {
    expect(F.interpolate(two, { size: [2, 4] }).toArray()).toEqual([[[[10, 10, 20, 20], [30, 30, 40, 40]]]]); // biome-ignore format: one line
    expect(flat(F.interpolate(two, { scaleFactor: 1.5 }))).toEqual([10, 10, 20, 10, 10, 20, 30, 30, 40]);
    expect(flat(F.interpolate(Tensor.from([[[1, 2, 3, 4, 5]]]), { size: 3 }))).toEqual([1, 2, 4]);
    const volume = F.interpolate(Tensor.from([[[[[1, 2]], [[3, 4]]]]]), { size: [3, 2, 1] });
    expect([volume.dims, flat(volume)]).toEqual([
      [1, 1, 3, 2, 1],
      [1, 1, 1, 1, 3, 3],
    ]);
  });

  it('mixes four neighbours by their distance', () => {
    // torch.nn.functional.interpolate(x, size=(1, 4), mode='bilinear') of the first row: 10, 12.5, 17.5, 20
    const row = Tensor.from([[[[10, 20]]]]);
    expect(flat(F.interpolate(row, { size: [1, 4], mode: 'bilinear' }))).toEqual([10, 12.5, 17.5, 20]);
    expect(flat(F.interpolate(two, { size: 3, mode: 'bilinear', alignCorners: true }))).toEqual([
      10, 15, 20, 20, 25, 30, 30, 35, 40,
    ]);
    const x = randomTensor([2, 3, 5, 4], 1);
    expectSameBits('the same size', F.interpolate(x, { size: [5, 4], mode: 'bilinear' }), x);
  });

  it('by a factor it reads the sizes, which a trace hears; by size it does not', () => {
    const reads: unknown[] = [];
    const recorder = { enter() {}, leave() {}, op() {}, read: (_: unknown, what: string) => reads.push(what) };
    withRecorder(recorder as unknown as Recorder, () => new nn.Upsample({ size: 4 }).call(two));
    expect(reads).toEqual([]);
    withRecorder(recorder as unknown as Recorder, () => new nn.Upsample({ scaleFactor: 2 }).call(two));
    expect(reads).toEqual(['dims']);
  });

  it('says what does not fit', () => {
    expect(() => F.interpolate(two, {})).toThrow('[interpolate] expected either size or scaleFactor');
    expect(() => F.interpolate(two, { size: 2, scaleFactor: 2 })).toThrow('expected either size or scaleFactor');
    expect(() => F.interpolate(two, { size: 2, mode: 'bicubic' as never })).toThrow('mode must be nearest or bilinear');
    expect(() => F.interpolate(two, { size: [1, 2, 3] })).toThrow(
      'size must be an integer of at least 1, or 2 of them',
    );
    expect(() => F.interpolate(two, { scaleFactor: -1 })).toThrow(
      'scaleFactor must be a positive number, or 2 of them',
    );
    expect(() => F.interpolate(two, { scaleFactor: 0.1 })).toThrow('[aten::upsample_nearest] size must be');
    expect(() => F.interpolate(Tensor.zeros([1, 1, 4]), { size: 2, mode: 'bilinear' })).toThrow(
      '[aten::upsample_bilinear] size must be 2 integers of 1 or more, got [2]',
    );
    expect(() => F.interpolate(Tensor.zeros([1, 1, 0]), { size: 2 })).toThrow(
      'expected x [..., channels, width] with elements',
    );
  });
});

describe('pad', () => {
  const x = Tensor.from([[1, 2, 3], [4, 5, 6]]); // biome-ignore format: one line

  it('puts a value around the last dims, in the order of PyTorch', () => {
    expect(F.pad(x, [1, 2]).toArray()).toEqual([[0, 1, 2, 3, 0, 0], [0, 4, 5, 6, 0, 0]]); // biome-ignore format: one line
    expect(F.pad(x, [0, 0, 1, 0], 9).toArray()).toEqual([[9, 9, 9], [1, 2, 3], [4, 5, 6]]); // biome-ignore format: one line
    expectSameBits('nothing', F.pad(x, []), x);
    expect(new nn.ZeroPad2d([0, 1, 0, 1]).call(x).toArray()).toEqual([[1, 2, 3, 0], [4, 5, 6, 0], [0, 0, 0, 0]]); // biome-ignore format: one line
    expect(new nn.ZeroPad1d(1).call(x).dims).toEqual([2, 5]);
    expect(new nn.ZeroPad3d(1).call(Tensor.zeros([1, 1, 2, 3])).dims).toEqual([1, 3, 4, 5]);
  });

  it('takes away where padding is negative', () => {
    expect(F.pad(x, [-1, 1]).toArray()).toEqual([[2, 3, 0], [5, 6, 0]]); // biome-ignore format: one line
    expect(F.pad(x, [0, -1, -1, 0]).toArray()).toEqual([[4, 5]]);
    expect(flat(F.pad(x, [5, -5], 7))).toEqual([7, 7, 7, 7, 7, 7]);
    expect(F.pad(x, [-3, 0]).dims).toEqual([2, 0]);
  });

  it('says what does not fit', () => {
    expect(() => F.pad(x, [1])).toThrow('[pad] expected two numbers for each padded dim');
    expect(() => F.pad(x, [0, 0, 0, 0, 1, 1])).toThrow('[aten::pad] expected x of rank 3 or more, got [2, 3]');
    expect(() => F.pad(x, [-2, -2])).toThrow(
      'expected x no smaller than what the padding [-2, -2] takes away, got [2, 3]',
    );
    expect(() => F.pad(x, [0.5, 1])).toThrow('padding must be integers [begin..., end...]');
    expect(() => dispatch(opByName('aten::pad'), [Tensor.zeros([1], 'int8')], { padding: [1, 1], value: 0 })).toThrow(
      '[aten::pad] x must be float32, got int8 [1]',
    );
    expect(() => new nn.ZeroPad2d([1, 2])).toThrow(
      '[ZeroPad2d] padding must be an integer or [left, right, top, bottom], got [1, 2]',
    );
  });
});
