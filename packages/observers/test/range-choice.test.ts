import { F, Generator, Tensor } from '@octavo/core';
import { describe, expect, test } from 'vitest';
import {
  EntropyObserver,
  HistogramObserver,
  MinMaxObserver,
  MSEObserver,
  type ObserverClass,
  observerFromJSON,
  PercentileObserver,
  type UniformObserver,
} from '../src/index.js';

function tensor(values: ArrayLike<number>): Tensor<'float32'> {
  return new Tensor('float32', Float32Array.from(values), [values.length]);
}

const DISTRIBUTIONS: Readonly<Record<string, (random: Generator) => number>> = {
  gauss: (random) => random.normal(),
  'relu(gauss)': (random) => Math.max(random.normal(), 0),
  laplace: (random) => -Math.log(1 - random.uniform()) * (random.uniform() < 0.5 ? -1 : 1),
  'student t, 3 degrees': (random) =>
    random.normal() / Math.sqrt((random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2) / 3),
  'gelu(gauss)': (random) => F.gelu(Tensor.from([random.normal()])).item(),
  'gauss and one outlier': (random) => random.normal(),
};

/** Four batches of a distribution. */
function draw(name: string, seed: number): Tensor<'float32'>[] {
  const random = new Generator(seed);
  const batches = Array.from({ length: 4 }, () =>
    tensor(Array.from({ length: 2048 }, () => DISTRIBUTIONS[name]!(random))),
  );
  if (name.endsWith('outlier')) batches[1]!.data[17] = 50;
  return batches;
}

/** The sum of squared errors that an observer's scale and zero point make on what it saw. */
function errorOf(observer: UniformObserver, batches: readonly Tensor<'float32'>[]): number {
  for (const batch of batches) observer.observe(batch);
  const { scales, zeroPoints, quantMin: qmin, quantMax: qmax } = observer.calculateQParams();
  let error = 0;
  for (const { data } of batches) {
    for (const x of data) {
      const code = Math.min(Math.max(Math.round(x / scales[0]!) + zeroPoints[0]!, qmin), qmax);
      error += (x - (code - zeroPoints[0]!) * scales[0]!) ** 2;
    }
  }
  return error;
}

describe('MSEObserver', () => {
  test.each(Object.keys(DISTRIBUTIONS).flatMap((name) => [8, 7].map((bits) => [name, bits] as const)))(
    '%s in %i bits: loses no more than a histogram’s first cut or min and max',
    (name, bits) => {
      for (const seed of [1, 2, 3]) {
        const batches = draw(name, seed);
        const [mse, histogram, minMax] = [MSEObserver, HistogramObserver, MinMaxObserver].map((Class) =>
          errorOf(new Class({ reduceRange: bits === 7 }), batches),
        ) as [number, number, number];
        expect(mse).toBeLessThanOrEqual(histogram);
        expect(mse).toBeLessThanOrEqual(minMax);
      }
    },
  );
});

describe('PercentileObserver', () => {
  // 0 to 999, one each: with 1000 bins over [0, 999] value i lies in bin i.
  const steps = tensor(Array.from({ length: 1000 }, (_, i) => i));

  test('cuts half the rest at either side', () => {
    const observer = new PercentileObserver({ percentile: 98, bins: 1000 });
    observer.observe(steps);
    // 1 % from below is reached in bin 9, 99 % in bin 989; codes reach 0 in any case.
    expect(observer.calculateQParams().scale).toBe(Math.fround(Math.fround(989 * 0.999) / 255));
  });

  test('cuts the largest magnitudes where the qscheme is symmetric', () => {
    const observer = new PercentileObserver({
      percentile: 90,
      bins: 1000,
      dtype: 'qint8',
      qscheme: 'per_tensor_symmetric',
      quantMin: -127,
      quantMax: 127,
    });
    observer.observe(steps);
    expect(observer.calculateQParams().scale).toBe(Math.fround(Math.fround(899 * 0.999) / 127));
  });

  test('100 is min and max', () => {
    const observers = [new PercentileObserver({ percentile: 100 }), new MinMaxObserver()];
    for (const observer of observers) observer.observe(steps);
    expect(observers[0]!.calculateQParams()).toEqual(observers[1]!.calculateQParams());
    expect(() => new PercentileObserver({ percentile: 0 })).toThrow('percentile must lie above 0');
  });
});

describe('EntropyObserver', () => {
  test('cuts a lone outlier off and keeps an even spread', () => {
    const even = Array.from({ length: 20000 }, (_, i) => (i - 9999.5) / 9999.5);
    const scaleOf = (values: readonly number[]) => {
      const observer = new EntropyObserver({ dtype: 'qint8', qscheme: 'per_tensor_symmetric' });
      observer.observe(tensor(values));
      return observer.calculateQParams().scale as number;
    };
    expect(scaleOf(even) * 127.5).toBeGreaterThan(0.99);
    const outlier = scaleOf([...even, 4]) * 127.5;
    expect(outlier).toBeLessThan(1.5);
    expect(outlier).toBeGreaterThan(0.9);
  });

  test('fewer bins than codes leave nothing to measure: min and max', () => {
    const observers = [new EntropyObserver({ bins: 64 }), new MinMaxObserver()];
    for (const observer of observers) observer.observe(tensor([-1, 0.2, 3]));
    expect(observers[0]!.calculateQParams()).toEqual(observers[1]!.calculateQParams());
  });
});

const CLASSES: readonly ObserverClass<UniformObserver>[] = [MSEObserver, PercentileObserver, EntropyObserver];

describe.each(CLASSES.map((Class) => [Class.typeName, Class] as const))('%s', (_, Class) => {
  const batches = draw('laplace', 5);

  test('serves every range of codes, affine and symmetric, within what it saw', () => {
    for (const dtype of ['quint8', 'qint8', 'quint4x2', 'qint32'] as const) {
      for (const qscheme of ['per_tensor_affine', 'per_tensor_symmetric'] as const) {
        const [observer, minMax] = [Class, MinMaxObserver].map((C) => new C({ dtype, qscheme }));
        for (const batch of batches) [observer, minMax].map((o) => o!.observe(batch));
        const { scale, quantMin, quantMax, zeroPoint } = observer!.calculateQParams();
        expect(scale).toBeGreaterThan(0);
        expect(scale).toBeLessThanOrEqual((minMax!.calculateQParams().scale as number) * 1.000001);
        expect(zeroPoint).toBeGreaterThanOrEqual(quantMin);
        expect(zeroPoint).toBeLessThanOrEqual(quantMax);
      }
    }
  });

  test('keeps options, survives JSON, forgets', () => {
    const observer = new Class({ bins: 128, quantMin: 0, quantMax: 15, eps: 2 ** -12, reduceRange: true });
    expect([observer.quantMin, observer.quantMax]).toEqual([0, 7]);
    for (const batch of batches) observer.observe(batch);
    const copy = observerFromJSON(JSON.parse(JSON.stringify(observer)));
    expect(copy.toJSON()).toEqual(observer.toJSON());
    expect(copy.calculateQParams()).toEqual(observer.calculateQParams());
    observer.reset();
    expect(observer.calculateQParams().scale).toBe(1);
    observer.observe(tensor([3, 3]));
    expect(observer.calculateQParams().scale).toBe(Math.fround(3 / 7));
  });
});

describe('EntropyObserver', () => {
  test('does not cut a range because most values are 0', () => {
    const observer = new EntropyObserver();
    // Nine in ten are 0; the rest lie evenly in 0 to 6.
    observer.observe(
      new Tensor(
        'float32',
        Float32Array.from({ length: 60_000 }, (_, i) => (i % 10 === 0 ? i / 1e4 : 0)),
        [60_000],
      ),
    );
    const { scales, zeroPoints } = observer.calculateQParams();
    expect((scales[0] as number) * (255 - (zeroPoints[0] as number))).toBeGreaterThan(5.9);
  });
});
