import { fc, test as property } from '@fast-check/vitest';
import { chooseQParams, F, OctavoError, Tensor } from '@octavo/core';
import { describe, expect, test } from 'vitest';
import {
  FixedQParamsObserver,
  HistogramObserver,
  MinMaxObserver,
  MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  NoopObserver,
  OBSERVERS,
  Observer,
  observerFromJSON,
  PerChannelMinMaxObserver,
  PerRowMinMaxObserver,
  PlaceholderObserver,
} from '../src/index.js';

const x = Tensor.from([
  [1, -2, 3],
  [0.5, 4, -8],
]);

const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 });
const batches = fc.array(fc.array(finite, { maxLength: 20 }), { minLength: 1, maxLength: 5 });

function tensor(values: readonly number[]): Tensor {
  return new Tensor('float32', Float32Array.from(values), [values.length]);
}

describe('ranges', () => {
  test('MinMaxObserver widens; empty tensors change nothing; reset forgets', () => {
    const observer = new MinMaxObserver();
    expect([observer.minVal, observer.maxVal]).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    expect(observer.observe(x)).toBe(x);
    observer.observe(Tensor.zeros([0, 3]));
    expect([observer.minVal, observer.maxVal]).toEqual([-8, 4]);
    observer.reset();
    expect(observer.minVal).toBe(Number.POSITIVE_INFINITY);
  });

  test('NaN and infinities do not count', () => {
    const wild = tensor([Number.NaN, 1, Number.POSITIVE_INFINITY, -2, Number.NEGATIVE_INFINITY]);
    for (const observer of [new MinMaxObserver(), new MovingAverageMinMaxObserver({ averagingConstant: 1 })]) {
      observer.observe(wild);
      observer.observe(tensor([Number.NaN]));
      expect([observer.minVal, observer.maxVal]).toEqual([-2, 1]);
    }
    const perChannel = new PerChannelMinMaxObserver();
    perChannel.observe(
      new Tensor('float32', Float32Array.of(Number.NaN, Number.NaN, 3, Number.POSITIVE_INFINITY), [2, 2]),
    );
    expect(Array.from(perChannel.calculateQParams().scales)).toEqual([1, Math.fround(3 / 255)]);
  });

  test('PerChannelMinMaxObserver along any axis', () => {
    for (const [chAxis, low, high] of [
      [0, [-2, -8], [3, 4]],
      [1, [0.5, -2, -8], [1, 4, 3]],
    ] as const) {
      const observer = new PerChannelMinMaxObserver({ chAxis });
      observer.observe(x);
      expect([...observer.minVal]).toEqual(low);
      expect([...observer.maxVal]).toEqual(high);
      expect(observer.calculateQParams().axis).toBe(chAxis);
    }
  });

  test('PerChannelMinMaxObserver refuses another number of channels', () => {
    const observer = new PerChannelMinMaxObserver();
    observer.observe(x);
    expect(() => observer.observe(Tensor.zeros([3, 3]))).toThrow(
      'expected 2 channels along axis 0 as seen before, got [3, 3]',
    );
    expect(() => new PerChannelMinMaxObserver({ chAxis: 2 }).observe(x)).toThrow('axis 2');
  });

  test('the moving average takes the first batch as it is', () => {
    const observer = new MovingAverageMinMaxObserver({ averagingConstant: 0.5 });
    observer.observe(tensor([-1, 1]));
    observer.observe(tensor([-3, 2]));
    expect([observer.minVal, observer.maxVal]).toEqual([-2, 1.5]);
    const perChannel = new MovingAveragePerChannelMinMaxObserver({ averagingConstant: 0.5 });
    perChannel.observe(
      Tensor.from([
        [-1, 1],
        [2, 4],
      ]),
    );
    perChannel.observe(
      Tensor.from([
        [-3, 1],
        [4, 8],
      ]),
    );
    expect([[...perChannel.minVal], [...perChannel.maxVal]]).toEqual([
      [-2, 3],
      [1, 6],
    ]);
  });

  test('other dtypes count as their float32 values; ids are refused', () => {
    const observer = new MinMaxObserver();
    observer.observe(Tensor.from([-3, 7], { dtype: 'int8' }));
    observer.observe(F.to(Tensor.from([0.1, 9.5]), 'float16'));
    expect([observer.minVal, observer.maxVal]).toEqual([-3, 9.5]);
    expect(() => observer.observe(Tensor.from([1], { dtype: 'int64' }))).toThrow('ids and indices are not observed');
  });

  property.prop([batches])('however values are split into batches, MinMaxObserver finds the same', (split) => {
    const [parts, whole] = [new MinMaxObserver(), new MinMaxObserver()];
    for (const batch of split) parts.observe(tensor(batch));
    whole.observe(tensor(split.flat()));
    expect(parts.toJSON()).toEqual(whole.toJSON());
  });

  property.prop([fc.array(finite, { minLength: 1 }), fc.boolean()])(
    'every value lies within one scale of its code',
    (values, symmetric) => {
      const observer = new MinMaxObserver({
        dtype: 'qint8',
        qscheme: symmetric ? 'per_tensor_symmetric' : 'per_tensor_affine',
      });
      observer.observe(tensor(values));
      const { scale, zeroPoint } = observer.calculateQParams() as { scale: number; zeroPoint: number };
      const codes = F.quantizePerTensor(
        tensor(values),
        Tensor.from([scale]),
        Tensor.from([zeroPoint], { dtype: 'int32' }),
        'int8',
      ).data;
      values.forEach((value, i) => {
        // The symmetric rule lets the largest value fall on 127.5 codes, and affine codes may shift by the zero point's rounding.
        expect(Math.abs(value - ((codes[i] as number) - zeroPoint) * scale)).toBeLessThanOrEqual(scale * 1.001);
      });
    },
  );
});

describe('PerRowMinMaxObserver', () => {
  test('has the scales and zero points of our dynamic scheme', () => {
    for (const reduceRange of [false, true]) {
      const observer = new PerRowMinMaxObserver({ reduceRange });
      observer.observe(x);
      const { scales, zeroPoints } = F.quantizeDynamic(x, { scheme: 'perRow', reduceRange });
      const qparams = observer.calculateQParams();
      expect(qparams.scales).toEqual(scales.data);
      expect(qparams.zeroPoints).toEqual(zeroPoints.data);
      expect(qparams.quantMax).toBe(reduceRange ? 127 : 255);
    }
  });

  test('remembers the last tensor alone', () => {
    const observer = new PerRowMinMaxObserver();
    expect(() => observer.calculateQParams()).toThrow('none was observed yet');
    observer.observe(x);
    observer.observe(tensor([1, 2]));
    expect(observer.calculateQParams().scale).toEqual(Float32Array.of(chooseQParams(0, 2).scale));
    observer.reset();
    expect(() => observer.calculateQParams()).toThrow();
    expect(() => observer.observe(new Tensor('float32', new Float32Array(1), []))).toThrow('without dims');
  });
});

describe('options', () => {
  const codesOf = (options: ConstructorParameters<typeof MinMaxObserver>[0]) => {
    const { quantMin, quantMax } = new MinMaxObserver(options);
    return [quantMin, quantMax];
  };

  test('ranges of codes', () => {
    expect(codesOf({})).toEqual([0, 255]);
    expect(codesOf({ reduceRange: true })).toEqual([0, 127]);
    expect(codesOf({ dtype: 'qint8', reduceRange: true })).toEqual([-64, 63]);
    expect(codesOf({ dtype: 'qint8', quantMin: -127, quantMax: 127, reduceRange: true })).toEqual([-64, 63]);
    expect(codesOf({ dtype: 'qint32' })).toEqual([-2147483648, 2147483647]);
    expect(codesOf({ dtype: 'quint4x2' })).toEqual([0, 15]);
  });

  test('the centre of symmetric unsigned codes is 128, or the middle of a range that was asked for', () => {
    const zeroPointOf = (range: { quantMin?: number; quantMax?: number }) => {
      const observer = new MinMaxObserver({ qscheme: 'per_tensor_symmetric', ...range });
      observer.observe(x);
      return observer.calculateQParams().zeroPoint;
    };
    expect(zeroPointOf({})).toBe(128);
    expect(zeroPointOf({ quantMin: 0, quantMax: 255 })).toBe(127);
    expect(zeroPointOf({ quantMin: 0, quantMax: 127 })).toBe(63);
  });

  test.each<[string, () => unknown, string, string]>([
    [
      'symmetric reduced quint8',
      () => new MinMaxObserver({ qscheme: 'per_tensor_symmetric', reduceRange: true }),
      'UNSUPPORTED',
      'no meaning for symmetric quint8',
    ],
    [
      'a channel scheme per tensor',
      () => new MinMaxObserver({ qscheme: 'per_channel_symmetric' }),
      'UNSUPPORTED',
      'qscheme must be per_tensor_affine or per_tensor_symmetric',
    ],
    [
      'a tensor scheme per channel',
      () => new PerChannelMinMaxObserver({ qscheme: 'per_tensor_affine' }),
      'UNSUPPORTED',
      'per_channel_affine',
    ],
    [
      'an unknown dtype',
      () => new MinMaxObserver({ dtype: 'qint' as never }),
      'INVALID_DTYPE',
      "did you mean 'qint8'?",
    ],
    ['half a range', () => new MinMaxObserver({ quantMin: 0 }), 'INVALID_ARGUMENT', 'given together'],
    ['a range without 0', () => new MinMaxObserver({ quantMin: 1, quantMax: 5 }), 'INVALID_ARGUMENT', 'must contain 0'],
    [
      'too many codes',
      () => new MinMaxObserver({ quantMin: 0, quantMax: 511 }),
      'INVALID_ARGUMENT',
      'more codes than quint8 has',
    ],
    ['eps', () => new MinMaxObserver({ eps: 0 }), 'INVALID_ARGUMENT', 'eps must be a positive number'],
    [
      'an averaging constant',
      () => new MovingAverageMinMaxObserver({ averagingConstant: 2 }),
      'INVALID_ARGUMENT',
      'averagingConstant',
    ],
    ['a negative channel axis', () => new PerChannelMinMaxObserver({ chAxis: -1 }), 'INVALID_ARGUMENT', 'chAxis'],
    [
      'a fixed scale',
      () => new FixedQParamsObserver({ scale: 0, zeroPoint: 0 }),
      'INVALID_ARGUMENT',
      'scale must be a positive number',
    ],
    [
      'a fixed zero point',
      () => new FixedQParamsObserver({ scale: 1, zeroPoint: 256 }),
      'INVALID_ARGUMENT',
      'from 0 to 255',
    ],
    ['a placeholder dtype', () => new PlaceholderObserver({ dtype: 'float' as never }), 'INVALID_DTYPE', 'float32'],
    ['no qparams of placeholders', () => new PlaceholderObserver().calculateQParams(), 'UNSUPPORTED', 'at run time'],
    ['no qparams of noops', () => new NoopObserver().calculateQParams(), 'UNSUPPORTED', 'observes nothing'],
  ])('%s is refused', (_, make, code, message) => {
    let error: unknown;
    try {
      make();
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(OctavoError);
    expect((error as OctavoError).message).toContain(message);
    expect((error as OctavoError).code).toBe(code);
  });
});

describe('as JSON', () => {
  const observers: Observer[] = [
    new MinMaxObserver({
      dtype: 'qint8',
      qscheme: 'per_tensor_symmetric',
      quantMin: -127,
      quantMax: 127,
      eps: 2 ** -12,
    }),
    new MinMaxObserver({ quantMin: 0, quantMax: 127, reduceRange: true }),
    new PerChannelMinMaxObserver({ dtype: 'qint8', qscheme: 'per_channel_symmetric', chAxis: 1 }),
    new MovingAverageMinMaxObserver({ averagingConstant: 0.25, reduceRange: true }),
    new MovingAveragePerChannelMinMaxObserver({ averagingConstant: 0.5 }),
    new PerRowMinMaxObserver({ reduceRange: true }),
    new PlaceholderObserver({ dtype: 'quint8', isDynamic: true }),
    new NoopObserver(),
    new HistogramObserver({ bins: 16, reduceRange: true }),
    new FixedQParamsObserver({ scale: 1 / 256, zeroPoint: 0 }),
  ];

  test.each(observers.map((observer) => [observer.typeName, observer] as const))('%s survives', (_, observer) => {
    for (const seen of [false, true]) {
      if (seen) observer.observe(x);
      const copy = observerFromJSON(JSON.parse(JSON.stringify(observer)));
      expect(copy.constructor).toBe(observer.constructor);
      expect(copy.toJSON()).toEqual(observer.toJSON());
      const next = Tensor.from([
        [9, 9, 9],
        [-9, 0, 1],
      ]);
      copy.observe(next);
      const again = observerFromJSON(observer.toJSON());
      again.observe(next);
      expect(copy.toJSON()).toEqual(again.toJSON());
    }
  });

  test('a class reads its own kind alone, and damage is named', () => {
    const json = new MinMaxObserver().toJSON();
    expect(MinMaxObserver.fromJSON(json)).toBeInstanceOf(MinMaxObserver);
    expect(() => PerChannelMinMaxObserver.fromJSON(json)).toThrow(
      'expected a PerChannelMinMaxObserver of version 1, got MinMaxObserver',
    );
    expect(() => observerFromJSON({ ...json, type: 'MinMaxObservr' })).toThrow("did you mean 'MinMaxObserver'?");
    expect(() => observerFromJSON({ ...json, state: { min: [1], max: ['x'] } })).toThrow('two lists of numbers');
    expect(() => observerFromJSON({ ...json, state: { min: [1, 2], max: [1, 2] } })).toThrow('expected one range');
  });

  test('the table of observers has every class under its name', () => {
    for (const [name, observerClass] of Object.entries(OBSERVERS)) expect(observerClass.typeName).toBe(name);
  });
});

test('observers are known by brand', () => {
  expect(Observer.is(new NoopObserver())).toBe(true);
  expect(Observer.is({})).toBe(false);
});

test('withArgs applies some options, and again', () => {
  const factory = MinMaxObserver.withArgs({ dtype: 'qint8' }).withArgs({ quantMin: -127, quantMax: 127 });
  const [a, b] = [factory(), factory()];
  expect(a).not.toBe(b);
  expect([a.dtype, a.quantMin]).toEqual(['qint8', -127]);
});
