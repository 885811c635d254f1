import { fc, test as property } from '@fast-check/vitest';
import { fakeQuantizePerChannel, fakeQuantizePerTensor, Tensor } from '@octavo/core';
import { describe, expect, test } from 'vitest';
import {
  defaultEmbeddingFakeQuant,
  defaultFixedQParamsRangeNeg1To1FakeQuant,
  defaultPerChannelWeightFakeQuant,
  FakeQuantize,
  FixedQParamsFakeQuantize,
  FusedMovingAvgObsFakeQuantize,
  HistogramObserver,
  MinMaxObserver,
  MovingAverageMinMaxObserver,
  observerFromJSON,
  PerChannelMinMaxObserver,
  RecordingObserver,
  ReuseInputObserver,
} from '../src/index.js';

// 255 / 255: the scale is 1 and the zero point 127.5 rounds to 128 codes.
const x = Tensor.from([-127.5, 0.4, 0.6, 127.5]);

describe('FakeQuantize', () => {
  test('gives back what the codes stand for', () => {
    const fake = new FakeQuantize({ observer: MinMaxObserver });
    expect([fake.scale, fake.zeroPoint, fake.isEmpty]).toEqual([1, 0, true]);
    expect(fake.observe(x).toArray()).toEqual([-128, 0, 1, 127]);
    expect([fake.scale, fake.zeroPoint, fake.dtype, fake.quantMin, fake.quantMax]).toEqual([1, 128, 'quint8', 0, 255]);
    expect(fake.calculateQParams()).toEqual(fake.observer.calculateQParams());
    expect(fake.isEmpty).toBe(false);
    fake.reset();
    expect([fake.scale, fake.zeroPoint]).toEqual([1, 0]);
  });

  test('has a switch for each of its two steps', () => {
    const fake = new FakeQuantize({ observer: MinMaxObserver });
    fake.fakeQuantEnabled = false;
    expect(fake.observe(x)).toBe(x);
    expect(fake.scale).toBe(1);
    expect(fake.gradient(Tensor.from([1000])).toArray()).toEqual([1]);
    fake.fakeQuantEnabled = true;
    fake.observerEnabled = false;
    expect(fake.observe(Tensor.from([1000])).toArray()).toEqual([127]);
    expect((fake.observer as MinMaxObserver).maxVal).toBe(127.5);
  });

  test('per channel, along any axis', () => {
    const weight = Tensor.from([
      [1, -2, 0.3],
      [50, 20, -0.7],
    ]);
    for (const chAxis of [0, 1]) {
      const fake = defaultPerChannelWeightFakeQuant.withArgs({ chAxis })();
      const y = fake.observe(weight);
      const { scales, zeroPoints, axis } = fake.calculateQParams();
      expect(axis).toBe(chAxis);
      expect(y).toEqual(fakeQuantizePerChannel(weight, scales, zeroPoints, chAxis));
    }
  });

  test('float zero points of embedding rows', () => {
    const table = Tensor.from([
      [10, 11, 12.75],
      [-1, 0, 1.55],
    ]);
    const y = defaultEmbeddingFakeQuant().observe(table).data;
    for (const [i, value] of y.entries()) expect(Math.abs(Number(value) - Number(table.data[i]))).toBeLessThan(0.0055);
    expect(y[0]).toBe(10);
  });

  test('the gradient passes where codes are not clamped', () => {
    const fake = new FakeQuantize({ observer: MinMaxObserver });
    fake.observe(x);
    // Codes 0 to 255 stand for -128 to 127; -128.6 and 127.6 round beyond them.
    const at = Tensor.from([-128.6, -128.4, 0, 127.4, 127.6, Number.NaN, Number.POSITIVE_INFINITY]);
    expect(fake.gradient(at).toArray()).toEqual([0, 1, 1, 1, 0, 0, 0]);
    expect(() => fake.gradient(Tensor.from([1], { dtype: 'int8' }))).toThrow('x must be float32, got int8 [1]');
  });

  test('the gradient per channel', () => {
    const fake = new FakeQuantize({ observer: PerChannelMinMaxObserver });
    fake.observe(Tensor.from([[255], [2.55]]));
    expect(fake.gradient(Tensor.from([[100], [100]])).toArray()).toEqual([[1], [0]]);
  });

  property.prop([
    fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }), { minLength: 1 }),
  ])('numbers are those of its observer and of fakeQuantizePerTensor, fused or not', (values) => {
    const batch = Tensor.from(values);
    const observer = new MovingAverageMinMaxObserver({ reduceRange: true });
    observer.observe(batch);
    const { scale, zeroPoint } = observer.calculateQParams() as { scale: number; zeroPoint: number };
    const expected = fakeQuantizePerTensor(batch, scale, zeroPoint, { qmin: 0, qmax: 127 });
    for (const Class of [FakeQuantize, FusedMovingAvgObsFakeQuantize]) {
      expect(new Class({ reduceRange: true }).observe(batch)).toEqual(expected);
    }
  });

  test('what it may hold, and with which options', () => {
    expect(() => new FakeQuantize({ observer: RecordingObserver })).toThrow('observer must be one of MinMaxObserver');
    expect(() => new FusedMovingAvgObsFakeQuantize({ observer: HistogramObserver })).toThrow(
      'MovingAveragePerChannelMinMaxObserver, got HistogramObserver',
    );
    expect(() => new FixedQParamsFakeQuantize({})).toThrow('one of FixedQParamsObserver');
    expect(() => new FakeQuantize({ observer: MinMaxObserver, averagingConstant: 1 })).toThrow(
      "MinMaxObserver has no option 'averagingConstant'",
    );
    const factory = HistogramObserver.withArgs({ bins: 16, reduceRange: true });
    const { observer } = new FakeQuantize({ observer: factory, reduceRange: false });
    expect(observer.toJSON().options).toMatchObject({ bins: 16, reduceRange: false });
  });

  test('fixed scales hold from the start', () => {
    const fake = defaultFixedQParamsRangeNeg1To1FakeQuant();
    expect([fake.scale, fake.zeroPoint]).toEqual([2 / 256, 128]);
    expect(fake.observe(Tensor.from([5])).toArray()).toEqual([127 / 128]);
  });

  test('as JSON', () => {
    const fake = new FusedMovingAvgObsFakeQuantize({ averagingConstant: 0.5, isDynamic: true });
    fake.observe(x);
    fake.observerEnabled = false;
    const copy = observerFromJSON(JSON.parse(JSON.stringify(fake))) as FusedMovingAvgObsFakeQuantize;
    expect(copy).toBeInstanceOf(FusedMovingAvgObsFakeQuantize);
    expect([copy.scale, copy.zeroPoint, copy.observerEnabled, copy.isDynamic]).toEqual([1, 128, false, true]);
    expect(copy.toJSON()).toEqual(fake.toJSON());
    const json = fake.toJSON();
    expect(() => observerFromJSON({ ...json, options: { observer: 'Nobody' } })).toThrow("unknown observer 'Nobody'");
    expect(() => observerFromJSON({ ...json, state: { ...json.state, scales: [] } })).toThrow('scales and zeroPoints');
  });
});

describe('RecordingObserver', () => {
  test('keeps copies', () => {
    const observer = new RecordingObserver();
    const batch = Tensor.from([1, 2]);
    expect(observer.observe(batch)).toBe(batch);
    batch.data[0] = 9;
    observer.observe(Tensor.from([3], { dtype: 'int64' }));
    expect(observer.tensors.map((tensor) => tensor.toArray())).toEqual([[1, 2], [3n]]);
    expect(() => observer.calculateQParams()).toThrow('records tensors');
    observer.reset();
    expect(observer.tensors).toEqual([]);
  });

  test('every value survives JSON', () => {
    const observer = new RecordingObserver();
    observer.observe(Tensor.from([Number.NaN, -0, Number.NEGATIVE_INFINITY, 0.1]));
    observer.observe(Tensor.from([[2n ** 60n]], { dtype: 'int64' }));
    const copy = observerFromJSON(JSON.parse(JSON.stringify(observer))) as RecordingObserver;
    expect(copy.tensors).toEqual(observer.tensors);
    expect(() => RecordingObserver.fromJSON({ ...observer.toJSON(), state: { tensors: [{}] } })).toThrow(
      'a dtype, dims',
    );
  });
});

test('ReuseInputObserver has nothing of its own', () => {
  expect(new ReuseInputObserver().observe(x)).toBe(x);
  expect(() => new ReuseInputObserver().calculateQParams()).toThrow("its input's observer");
});
