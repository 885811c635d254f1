import { isOctavoError, Tensor } from '@octavo/core';
import {
  FixedQParamsObserver,
  HistogramObserver,
  MinMaxObserver,
  MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  NoopObserver,
  type Observer,
  type ObserverClass,
  PerChannelMinMaxObserver,
  PlaceholderObserver,
} from '@octavo/observers';
import type { GoldenCase, GoldenValue } from './golden-case.js';
import type { GoldenOperator } from './golden-operator.js';
import { tensorOf } from './qparams.js';

/** The option that a parameter's name in PyTorch stands for. */
const OPTION_NAMES: Readonly<Record<string, string>> = {
  dtype: 'dtype',
  qscheme: 'qscheme',
  reduce_range: 'reduceRange',
  eps: 'eps',
  ch_axis: 'chAxis',
  averaging_constant: 'averagingConstant',
  bins: 'bins',
  scale: 'scale',
  zero_point: 'zeroPoint',
  is_dynamic: 'isDynamic',
};

/** Ranges of codes that an observer finds by itself, whole and reduced. */
const OWN_RANGES: Readonly<Record<string, readonly [full: string, reduced: string]>> = {
  quint8: ['0,255', '0,127'],
  qint8: ['-128,127', '-64,63'],
};

/** A case names the range of codes in force; it is an option only where it is not the dtype's own. */
function optionsOf({ params }: GoldenCase): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params))
    if (name in OPTION_NAMES) options[OPTION_NAMES[name] as string] = value;
  const { quant_min, quant_max, reduce_range, dtype } = params;
  const [full, reduced] = OWN_RANGES[dtype as string] ?? ['', ''];
  const custom = quant_min !== undefined && `${quant_min},${quant_max}` !== (reduce_range === true ? reduced : full);
  return custom ? { ...options, quantMin: quant_min, quantMax: quant_max } : options;
}

/** Feeds the batches in order; state and qparams after each, as `role.i`. */
function observing(Class: ObserverClass): GoldenOperator {
  return (golden) => {
    const observer = new Class(optionsOf(golden));
    const values: Record<string, GoldenValue> = {};
    for (let i = 0; `batch.${i}` in golden.inputs; i++) {
      values[`forward.${i}`] = observer.observe(tensorOf(golden, `batch.${i}`));
      const { minVal, maxVal, histogram } = observer as unknown as Record<string, number | Float32Array | undefined>;
      for (const [role, value] of Object.entries({ min_val: minVal, max_val: maxVal, histogram })) {
        if (value !== undefined) values[`${role}.${i}`] = stored(value);
      }
      if (`scale.${i}` in golden.outputs) addQParams(observer, `.${i}`, values);
    }
    if ('scale' in golden.outputs) addQParams(observer, '', values);
    if (golden.calculate_qparams_raises !== undefined) expectNoQParams(observer);
    return values;
  };
}

function addQParams(observer: Observer, suffix: string, values: Record<string, GoldenValue>): void {
  const { scales, zeroPoints } = observer.calculateQParams();
  values[`scale${suffix}`] = stored(scales);
  values[`zero_point${suffix}`] = stored(zeroPoints);
}

function stored(value: number | Float32Array | Int32Array): GoldenValue {
  return typeof value === 'number' ? value : new Tensor(value as Float32Array);
}

function expectNoQParams(observer: Observer): void {
  try {
    observer.calculateQParams();
  } catch (error) {
    if (isOctavoError(error)) return;
    throw error;
  }
  throw new Error('calculateQParams must throw');
}

/** Every observer of PyTorch's that is here, by name. */
export const observerOperators: Readonly<Record<string, GoldenOperator>> = Object.fromEntries(
  [
    FixedQParamsObserver,
    HistogramObserver,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    NoopObserver,
    PerChannelMinMaxObserver,
    PlaceholderObserver,
  ].map((Class) => [Class.typeName, observing(Class as ObserverClass)]),
);
