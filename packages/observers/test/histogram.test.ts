import { fc, test as property } from '@fast-check/vitest';
import { Tensor } from '@octavo/core';
import { describe, expect, test } from 'vitest';
import { HistogramObserver, MinMaxObserver } from '../src/index.js';

function tensor(values: readonly number[]): Tensor {
  return new Tensor('float32', Float32Array.from(values), [values.length]);
}

const total = ({ histogram }: HistogramObserver) => histogram.reduce((sum, count) => sum + count, 0);

describe('HistogramObserver', () => {
  test('counts into equal bins, the last one closed', () => {
    const observer = new HistogramObserver({ bins: 4 });
    observer.observe(tensor([0, 0.5, 1, 2, 3.9, 4]));
    expect([...observer.histogram]).toEqual([2, 1, 1, 2]);
    expect([observer.minVal, observer.maxVal]).toEqual([0, 4]);
  });

  test('deals old counts out when the range grows', () => {
    const observer = new HistogramObserver({ bins: 4 });
    observer.observe(tensor([0, 1, 2, 4]));
    observer.observe(tensor([8]));
    expect([...observer.histogram]).toEqual([2, 2, 0, 1]);
  });

  test('NaN and infinities do not count; reset forgets', () => {
    const observer = new HistogramObserver({ bins: 8 });
    observer.observe(tensor([Number.NaN, 1, 2, Number.POSITIVE_INFINITY]));
    observer.observe(tensor([Number.NaN]));
    expect([observer.minVal, observer.maxVal, total(observer)]).toEqual([1, 2, 2]);
    observer.reset();
    expect(observer.minVal).toBe(Number.POSITIVE_INFINITY);
    expect(total(observer)).toBe(0);
    expect(observer.calculateQParams()).toMatchObject({ scale: 1, zeroPoint: 0 });
  });

  test('an outlier is cut off where min and max keep it', () => {
    const values = Array.from({ length: 100000 }, (_, i) => Math.sin(i) * Math.sin(i * 1.7));
    values[7] = 1.2;
    const [histogram, minMax] = [new HistogramObserver(), new MinMaxObserver()];
    for (const observer of [histogram, minMax]) observer.observe(tensor(values));
    expect(histogram.calculateQParams().scale).toBeLessThan(minMax.calculateQParams().scale as number);
  });

  test('options and stored states are checked', () => {
    expect(() => new HistogramObserver({ bins: 1 })).toThrow('bins must be an integer');
    expect(() => new HistogramObserver({ qscheme: 'per_channel_affine' })).toThrow('per_tensor_affine');
    const json = new HistogramObserver({ bins: 2 }).toJSON();
    expect(() => HistogramObserver.fromJSON({ ...json, state: { min: 0, max: 1, histogram: [1] } })).toThrow(
      '2 counts',
    );
  });

  property.prop([
    fc.array(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 30 }), {
      minLength: 1,
      maxLength: 4,
    }),
  ])('no count is lost, but where a constant comes first', (batches) => {
    const observer = new HistogramObserver({ bins: 32 });
    observer.observe(tensor([0, 1]));
    for (const batch of batches) observer.observe(tensor(batch));
    expect(total(observer)).toBeCloseTo(2 + batches.flat().length, 3);
  });

  property.prop([fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 }), { minLength: 1 })])(
    'the range it chooses lies within what it saw, and 0',
    (values) => {
      const [histogram, minMax] = [new HistogramObserver({ bins: 256 }), new MinMaxObserver()];
      for (const observer of [histogram, minMax]) observer.observe(tensor(values));
      const [ours, theirs] = [histogram, minMax].map((observer) => observer.calculateQParams().scale as number);
      expect(ours).toBeLessThanOrEqual((theirs as number) * 1.0001 + 1e-6);
    },
  );
});
