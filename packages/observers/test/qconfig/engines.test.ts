import { describe, expect, test } from 'vitest';
import {
  defaultDynamicQConfig,
  describeQConfig,
  ENGINES,
  FakeQuantize,
  getDefaultQatQConfig,
  getDefaultQConfig,
  HistogramObserver,
  isQConfig,
  Observer,
  PRESETS,
  qconfigByName,
  type UniformObserver,
} from '../../src/index.js';

/** The codes of activations and the options of weights, as PyTorch 2.5 gives them. */
function inWords(name: string): string {
  const { activation, weight } = qconfigByName(name);
  return [activation(), weight()]
    .map((observer) => {
      const { dtype, quantMin, quantMax, qscheme } = (
        observer instanceof FakeQuantize ? observer.observer : observer
      ) as UniformObserver;
      return `${observer.typeName} ${dtype} ${quantMin}..${quantMax} ${qscheme}`;
    })
    .join(', ');
}

describe('qconfigs of engines', () => {
  const HISTOGRAM = 'HistogramObserver quint8';
  const CHANNELS = 'PerChannelMinMaxObserver qint8 -128..127 per_channel_symmetric';
  const FUSED = 'FusedMovingAvgObsFakeQuantize';

  test.each([
    ['fbgemm', `${HISTOGRAM} 0..127 per_tensor_affine, ${CHANNELS}`],
    ['x86', `${HISTOGRAM} 0..127 per_tensor_affine, ${CHANNELS}`],
    ['qnnpack', `${HISTOGRAM} 0..255 per_tensor_affine, MinMaxObserver qint8 -128..127 per_tensor_symmetric`],
    ['onednn', `${HISTOGRAM} 0..255 per_tensor_affine, ${CHANNELS}`],
    [
      'defaultSymmetricQnnpackQConfig',
      'HistogramObserver qint8 -128..127 per_tensor_affine, MinMaxObserver qint8 -127..127 per_tensor_symmetric',
    ],
    [
      'defaultQatQConfig',
      'FakeQuantize quint8 0..127 per_tensor_affine, FakeQuantize qint8 -128..127 per_tensor_symmetric',
    ],
    ['fbgemmQatQConfig', `${FUSED} quint8 0..127 per_tensor_affine, ${FUSED} qint8 -128..127 per_channel_symmetric`],
    ['qnnpackQatQConfig', `${FUSED} quint8 0..255 per_tensor_affine, ${FUSED} qint8 -128..127 per_tensor_symmetric`],
    [
      'x86QatQConfigV0',
      'FakeQuantize quint8 0..127 per_tensor_affine, FakeQuantize qint8 -128..127 per_channel_symmetric',
    ],
  ])('%s is PyTorch’s', (name, words) => {
    expect(inWords(name)).toBe(words);
  });

  test('are found by engine; x86 is the default', () => {
    for (const engine of ENGINES) {
      expect(getDefaultQConfig(engine)).toBe(qconfigByName(engine));
      expect(getDefaultQatQConfig(engine)).toBe(qconfigByName(`${engine}QatQConfig`));
      expect(getDefaultQatQConfig(engine, 0)).toBe(qconfigByName(`${engine}QatQConfigV0`));
    }
    expect(getDefaultQConfig()).toBe(getDefaultQConfig('x86'));
    expect(getDefaultQatQConfig()).toBe(getDefaultQatQConfig('x86', 1));
  });

  test('an unknown engine or version is refused', () => {
    expect(() => getDefaultQConfig('fbgem' as never)).toThrow(
      "unknown engine 'fbgem' (known: fbgemm, x86, qnnpack, onednn); did you mean 'fbgemm'?",
    );
    expect(() => getDefaultQatQConfig('x68' as never)).toThrow("unknown engine 'x68'");
    expect(() => getDefaultQatQConfig('x86', 2 as never)).toThrow('version must be 0 or 1, got 2');
  });
});

test('every preset makes observers, and is described by what it holds', () => {
  for (const { qconfig } of Object.values(PRESETS)) {
    expect(isQConfig(qconfig)).toBe(true);
    expect([qconfig.activation(), qconfig.weight()].every(Observer.is)).toBe(true);
  }
  const { activation, weight } = getDefaultQatQConfig('qnnpack');
  expect(describeQConfig({ activation, weight })).toContain(
    'activation=FusedMovingAvgObsFakeQuantize(observer=MovingAverageMinMaxObserver, quantMin=0, quantMax=255, reduceRange=false)',
  );
  const observer = HistogramObserver.withArgs({ bins: 8 });
  expect(
    describeQConfig({
      ...defaultDynamicQConfig,
      name: undefined,
      activation: FakeQuantize.withArgs({ observer }),
    } as never),
  ).toContain('FakeQuantize(observer=HistogramObserver(bins=8))');
});
