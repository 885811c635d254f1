import { OctavoError, Tensor } from '@octavo/core';
import { describe, expect, test } from 'vitest';
import {
  defaultDynamicQConfig,
  defaultQConfig,
  defaultWeightObserver,
  defineQConfig,
  describeQConfig,
  dynamicLinearAttrs,
  float16DynamicQConfig,
  isQConfig,
  MinMaxObserver,
  PerChannelMinMaxObserver,
  PerRowMinMaxObserver,
  PlaceholderObserver,
  PRESETS,
  perChannelDynamicQConfig,
  perChannelWeightObserverRangeNeg127To127,
  perRowDynamicQConfig,
  QCONFIGS,
  qconfigByName,
  quantizeWeight,
} from '../../src/index.js';

describe('qconfigs', () => {
  test('hold factories', () => {
    const qconfig = defineQConfig({ activation: MinMaxObserver.withArgs({}), weight: defaultWeightObserver });
    expect(isQConfig(qconfig)).toBe(true);
    expect(isQConfig({ ...qconfig })).toBe(true);
    expect(isQConfig(null)).toBe(false);
    expect(isQConfig({ activation: 1, weight: 2 })).toBe(false);
    expect(describeQConfig(qconfig)).toBe(
      'QConfig(activation=MinMaxObserver(), weight=MinMaxObserver(dtype=qint8, qscheme=per_tensor_symmetric))',
    );
  });

  test('refuse observers and classes', () => {
    const weight = defaultWeightObserver;
    expect(() => defineQConfig({ activation: new MinMaxObserver() as never, weight })).toThrow(
      'activation must be a factory such as MinMaxObserver.withArgs',
    );
    expect(() => defineQConfig({ activation: weight, weight: MinMaxObserver as never })).toThrow(
      'got the class MinMaxObserver',
    );
  });

  test('presets are found by full and by short name', () => {
    expect(qconfigByName('perRow')).toBe(perRowDynamicQConfig);
    expect(qconfigByName('perChannel')).toBe(perChannelDynamicQConfig);
    expect(qconfigByName('default')).toBe(defaultDynamicQConfig);
    expect(qconfigByName('defaultQConfig')).toBe(defaultQConfig);
    expect(perRowDynamicQConfig.name).toBe('perRowDynamicQConfig');
    for (const [name, { aliases, qconfig }] of Object.entries(PRESETS)) {
      expect(qconfig.name).toBe(name);
      for (const key of [name, ...aliases]) expect(QCONFIGS[key]).toBe(qconfig);
    }
    expect(() => qconfigByName('perRaw')).toThrow("unknown qconfig 'perRaw' (known: perRow, default, perChannel");
    expect(() => qconfigByName('perRaw')).toThrow("did you mean 'perRow'?");
    expect(() => qconfigByName('constructor')).toThrow('unknown qconfig');
  });
});

describe('dynamicLinearAttrs', () => {
  test('ours and PyTorch’s', () => {
    expect(dynamicLinearAttrs(perRowDynamicQConfig)).toEqual({ scheme: 1, reduceRange: 0 });
    expect(dynamicLinearAttrs(perChannelDynamicQConfig)).toEqual({ scheme: 0, reduceRange: 1 });
    expect(dynamicLinearAttrs(defaultDynamicQConfig)).toEqual({ scheme: 0, reduceRange: 1 });
  });

  test('both schemes in either width', () => {
    const weight = defaultWeightObserver;
    const activations = [
      PerRowMinMaxObserver.withArgs({ reduceRange: true }),
      PlaceholderObserver.withArgs({ dtype: 'quint8', isDynamic: true, reduceRange: false }),
    ];
    expect(activations.map((activation) => dynamicLinearAttrs(defineQConfig({ activation, weight })))).toEqual([
      { scheme: 1, reduceRange: 1 },
      { scheme: 0, reduceRange: 0 },
    ]);
  });

  test('static and float16 qconfigs are refused', () => {
    for (const qconfig of [defaultQConfig, float16DynamicQConfig]) {
      expect(() => dynamicLinearAttrs(qconfig)).toThrow(`${qconfig.name} is no qconfig for dynamic int8 quantization`);
    }
  });
});

describe('quantizeWeight', () => {
  // 127.5 is the divisor of symmetric int8: the scales are 1 and 1 / 127.5.
  const weight = Tensor.from([
    [127.5, -127.5, 2.5],
    [1, 0.25, 0],
  ]);

  test('per tensor and per channel', () => {
    const tensorWise = quantizeWeight(weight, defaultDynamicQConfig);
    expect([tensorWise.axis, tensorWise.scale, tensorWise.dtype]).toEqual([null, 1, 'qint8']);
    expect(tensorWise.values.toArray()).toEqual([
      [127, -128, 2],
      [1, 0, 0],
    ]);
    const channelWise = quantizeWeight(weight, perRowDynamicQConfig);
    expect([channelWise.axis, ...channelWise.scales]).toEqual([0, 1, Math.fround(1 / 127.5)]);
    expect(channelWise.values.toArray()).toEqual([
      [127, -128, 2],
      [127, 32, 0],
    ]);
    expect([...channelWise.zeroPoints]).toEqual([0, 0]);
  });

  test('codes stay in a narrower range of the observer', () => {
    const qconfig = defineQConfig({ ...perRowDynamicQConfig, weight: perChannelWeightObserverRangeNeg127To127 });
    expect(quantizeWeight(weight, qconfig).values.toArray()).toEqual([
      [127, -127, 2],
      [127, 32, 0],
    ]);
  });

  test('NaN, infinities and other dtypes are refused', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(() => quantizeWeight(Tensor.from([[1, bad]]), perRowDynamicQConfig)).toThrow(`element 1 is ${bad}`);
    }
    expect(() => quantizeWeight(Tensor.from([[1]], { dtype: 'int8' }), perRowDynamicQConfig)).toThrow(
      'expected float32, got int8 [1, 1]',
    );
    const unsigned = defineQConfig({ ...perRowDynamicQConfig, weight: PerChannelMinMaxObserver.withArgs({}) });
    expect(() => quantizeWeight(weight, unsigned)).toThrow(OctavoError);
    expect(() => quantizeWeight(weight, unsigned)).toThrow('quint8 weights');
  });
});
