import { isOctavoError, type Tensor } from '@octavo/core';
import { expect } from 'vitest';
import {
  FixedQParamsObserver,
  MinMaxObserver,
  MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  NoopObserver,
  type Observer,
  PerChannelMinMaxObserver,
  PlaceholderObserver,
} from '../src/index.js';
import { type GoldenCase, type GoldenGroup, goldenTest } from './support/golden.js';

/** Observers as PyTorch's test vectors name their options. */
const MAKERS: Record<string, (params: never) => Observer> = {
  MinMaxObserver: (params) => new MinMaxObserver(uniformOptions(params)),
  PerChannelMinMaxObserver: (params) => new PerChannelMinMaxObserver(uniformOptions(params)),
  MovingAverageMinMaxObserver: (params) => new MovingAverageMinMaxObserver(uniformOptions(params)),
  MovingAveragePerChannelMinMaxObserver: (params) => new MovingAveragePerChannelMinMaxObserver(uniformOptions(params)),
  FixedQParamsObserver: ({ scale, zero_point, dtype, quant_min, quant_max }: Record<string, never>) =>
    new FixedQParamsObserver({
      scale,
      zeroPoint: zero_point as never,
      dtype,
      quantMin: quant_min,
      quantMax: quant_max,
    }),
  PlaceholderObserver: ({ dtype, is_dynamic, quant_min, quant_max }: Record<string, never>) =>
    new PlaceholderObserver({ dtype, isDynamic: is_dynamic, quantMin: quant_min, quantMax: quant_max }),
  NoopObserver: ({ dtype }: Record<string, never>) => new NoopObserver({ dtype }),
};

/**
 * A case gives the range of codes in force. The dtype's own, whole or reduced, is what the observer finds by itself;
 * any other was asked for, before `reduce_range` halved it.
 */
function uniformOptions(params: Record<string, never>): Record<string, unknown> {
  const { dtype, qscheme, reduce_range, eps, ch_axis, averaging_constant, quant_min, quant_max } = params;
  const natural: Record<string, readonly number[]> = reduce_range
    ? { quint8: [0, 127], qint8: [-64, 63] }
    : { quint8: [0, 255], qint8: [-128, 127] };
  const [low, high] = natural[dtype as string] as readonly number[];
  const custom = quant_min !== low || quant_max !== high;
  const given = {
    dtype,
    qscheme,
    reduceRange: reduce_range,
    eps,
    chAxis: ch_axis,
    averagingConstant: averaging_constant,
  };
  const range = custom ? { quantMin: quant_min, quantMax: quant_max } : {};
  return Object.fromEntries(Object.entries({ ...given, ...range }).filter(([, value]) => value !== undefined));
}

goldenTest('all 568 cases of observers agree bit for bit with PyTorch', 'observers', (group) => {
  const failures = group.cases.flatMap((golden) => checkCase(golden, group));
  expect(failures).toEqual([]);
  expect(group.cases).toHaveLength(568);
});

function checkCase(golden: GoldenCase, { tensor }: GoldenGroup): string[] {
  const make = MAKERS[golden.op] as (params: unknown) => Observer;
  const observer = make(golden.params);
  const failures: string[] = [];
  const check = (role: string, actual: ArrayLike<number>) => {
    const expected = numbersOf(golden.outputs[role], tensor);
    const same = actual.length === expected.length && expected.every((value, i) => Object.is(value, actual[i]));
    if (!same) failures.push(`${golden.name} ${role}: expected ${expected}, got ${Array.from(actual)}`);
  };
  const checkQParams = (suffix: string) => {
    const { scales, zeroPoints } = observer.calculateQParams();
    if (`scale${suffix}` in golden.outputs) check(`scale${suffix}`, scales);
    if (`zero_point${suffix}` in golden.outputs) check(`zero_point${suffix}`, zeroPoints);
  };
  for (let i = 0; `batch.${i}` in golden.inputs; i++) {
    const batch = tensor(golden.inputs[`batch.${i}`]);
    if (observer.observe(batch) !== batch) failures.push(`${golden.name}: observe must pass the tensor through`);
    const { minVal, maxVal } = observer as unknown as Record<string, number | Float32Array>;
    if (`min_val.${i}` in golden.outputs) check(`min_val.${i}`, listOf(minVal));
    if (`max_val.${i}` in golden.outputs) check(`max_val.${i}`, listOf(maxVal));
    if (`scale.${i}` in golden.outputs) checkQParams(`.${i}`);
  }
  if ('scale' in golden.outputs) checkQParams('');
  if (golden.calculate_qparams_raises !== undefined) {
    try {
      observer.calculateQParams();
      failures.push(`${golden.name}: calculateQParams must throw`);
    } catch (error) {
      if (!isOctavoError(error) || error.code !== 'UNSUPPORTED') failures.push(`${golden.name}: ${String(error)}`);
    }
  }
  if (golden.attributes !== undefined) {
    const { dtype, quantMin, quantMax, isDynamic } = observer as PlaceholderObserver;
    const ours = { dtype, quant_min: quantMin, quant_max: quantMax, is_dynamic: isDynamic };
    for (const [name, value] of Object.entries(golden.attributes)) {
      const mine = (ours as Record<string, unknown>)[name];
      if ((mine ?? null) !== value) failures.push(`${golden.name} ${name}: expected ${value}, got ${mine}`);
    }
  }
  return failures;
}

function listOf(value: number | Float32Array | undefined): ArrayLike<number> {
  return typeof value === 'number' ? [value] : (value as Float32Array);
}

function numbersOf(value: string | number | undefined, tensor: (key: string) => Tensor): number[] {
  if (typeof value === 'string') return Array.from(tensor(value).data as ArrayLike<number | bigint>, Number);
  return [value as number];
}
