import { fc, test as property } from '@fast-check/vitest';
import { Tensor } from '@octavo/core';
import { describe, expect, test } from 'vitest';
import {
  FakeQuantize,
  HistogramObserver,
  MinMaxObserver,
  MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  MSEObserver,
  NoopObserver,
  PerChannelMinMaxObserver,
  PerRowMinMaxObserver,
  RecordingObserver,
} from '../src/index.js';

const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 });
const shards = fc.array(fc.array(finite, { maxLength: 12 }), { minLength: 1, maxLength: 5 });

function tensor(values: readonly number[], dims: readonly number[] = [values.length]): Tensor {
  return new Tensor('float32', Float32Array.from(values), [...dims]);
}

describe('calibration in shards', () => {
  property.prop([shards])('MinMaxObserver finds what one observer finds', (split) => {
    const [merged, whole] = [new MinMaxObserver(), new MinMaxObserver()];
    for (const values of split) {
      const shard = new MinMaxObserver();
      shard.observe(tensor(values));
      expect(merged.merge(shard)).toBe(merged);
      whole.observe(tensor(values));
    }
    expect(merged.toJSON()).toEqual(whole.toJSON());
  });

  property.prop([fc.array(fc.array(finite, { minLength: 6, maxLength: 6 }), { minLength: 1, maxLength: 5 })])(
    'PerChannelMinMaxObserver finds what one observer finds',
    (split) => {
      const [merged, whole] = [new PerChannelMinMaxObserver(), new PerChannelMinMaxObserver()];
      for (const values of split) {
        const shard = new PerChannelMinMaxObserver();
        shard.observe(tensor(values, [3, 2]));
        merged.merge(shard).merge(new PerChannelMinMaxObserver());
        whole.observe(tensor(values, [3, 2]));
      }
      expect(merged.toJSON()).toEqual(whole.toJSON());
    },
  );

  // Multiples of 1/4 keep the edges of bins apart from values by more than float32 rounds.
  const grid = fc.array(
    fc.integer({ min: -400, max: 400 }).map((n) => n / 4),
    { minLength: 1, maxLength: 40 },
  );

  property.prop([grid, grid])('a histogram keeps every count, and none moves by more than one bin', (a, b) => {
    const [merged, shard, whole] = [1, 2, 3].map(() => new HistogramObserver({ bins: 30 })) as HistogramObserver[];
    merged!.observe(tensor(a));
    shard!.observe(tensor(b));
    merged!.merge(shard!);
    whole!.observe(tensor([...a, ...b]));
    expect([merged!.minVal, merged!.maxVal]).toEqual([whole!.minVal, whole!.maxVal]);
    const [ours, theirs] = [cumulative(merged!), cumulative(whole!)];
    expect(ours.at(-1)).toBe(a.length + b.length);
    for (let bin = 0; bin < 30; bin++) {
      expect(ours[bin]).toBeGreaterThanOrEqual(theirs[bin - 1] ?? 0);
      expect(ours[bin]).toBeLessThanOrEqual(theirs[bin + 1] ?? a.length + b.length);
    }
  });

  property.prop([fc.array(grid, { minLength: 1, maxLength: 4 })])('histograms of one range add exactly', (split) => {
    const [merged, whole] = [new MSEObserver({ bins: 64 }), new MSEObserver({ bins: 64 })];
    for (const values of split) {
      const batch = tensor([-100, ...values, 100]);
      const shard = new MSEObserver({ bins: 64 });
      shard.observe(batch);
      merged.merge(shard);
      whole.observe(batch);
    }
    expect(merged.toJSON()).toEqual(whole.toJSON());
  });

  test('a histogram of one value keeps its weight', () => {
    const [many, few] = [new HistogramObserver({ bins: 4 }), new HistogramObserver({ bins: 4 })];
    many.observe(tensor([2, 2, 2]));
    few.observe(tensor([0, 4]));
    expect([...many.merge(few).histogram]).toEqual([1, 0, 3, 1]);
    expect([...few.histogram]).toEqual([1, 0, 0, 1]);
  });

  test('FakeQuantize merges its observer; recorded tensors follow', () => {
    const [a, b] = [new FakeQuantize({ observer: MinMaxObserver }), new FakeQuantize({ observer: MinMaxObserver })];
    a.observe(tensor([-1, 1]));
    b.observe(tensor([0, 254]));
    expect(a.merge(b).scale).toBe(1);
    const [first, second] = [new RecordingObserver(), new RecordingObserver()];
    first.observe(tensor([1]));
    second.observe(tensor([2]));
    expect(first.merge(second).tensors.map((x) => x.data[0])).toEqual([1, 2]);
  });
});

describe('what is not merged', () => {
  test.each([
    [
      'another class',
      () => new MinMaxObserver().merge(new HistogramObserver()),
      'expected another MinMaxObserver, got HistogramObserver',
    ],
    [
      'other options',
      () => new MinMaxObserver().merge(new MinMaxObserver({ reduceRange: true })),
      'the same options: reduceRange is false here and true there',
    ],
    [
      'moving averages',
      () => new MovingAverageMinMaxObserver().merge(new MovingAverageMinMaxObserver()),
      'depend on the order of all batches',
    ],
    [
      'moving averages per channel',
      () => new MovingAveragePerChannelMinMaxObserver().merge(new MovingAveragePerChannelMinMaxObserver()),
      'with PerChannelMinMaxObserver',
    ],
    ['rows', () => new PerRowMinMaxObserver().merge(new PerRowMinMaxObserver()), 'the rows of one tensor'],
  ])('%s', (_, merge, message) => {
    expect(merge).toThrow(message);
  });

  test('another number of channels', () => {
    const [two, three] = [new PerChannelMinMaxObserver(), new PerChannelMinMaxObserver()];
    two.observe(tensor([1, 2], [2, 1]));
    three.observe(tensor([1, 2, 3], [3, 1]));
    expect(() => two.merge(three)).toThrow('expected 2 channels along axis 0 as seen before, got 3');
  });

  test('observers without statistics have nothing to join', () => {
    const noop = new NoopObserver();
    expect(noop.merge(new NoopObserver())).toBe(noop);
  });
});

function cumulative({ histogram }: HistogramObserver): number[] {
  let total = 0;
  return Array.from(histogram, (count) => (total += count));
}
