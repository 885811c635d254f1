import { FixedQParamsObserver } from './fixed-qparams.js';
import { EntropyObserver } from './histogram/entropy.js';
import { HistogramObserver } from './histogram/histogram.js';
import { MSEObserver } from './histogram/mse.js';
import { PercentileObserver } from './histogram/percentile.js';
import { MinMaxObserver } from './min-max.js';
import { MovingAverageMinMaxObserver } from './moving-average-min-max.js';
import { MovingAveragePerChannelMinMaxObserver } from './moving-average-per-channel-min-max.js';
import type { ObserverClass } from './observer.js';
import { PerChannelMinMaxObserver } from './per-channel-min-max.js';
import type { UniformObserver } from './uniform-observer.js';

/** An observer that has a scale and a zero point to give after calibration: what a `FakeQuantize` may hold. */
export type RangeObserver = UniformObserver | FixedQParamsObserver;

/** All of them: where one is added. */
export const RANGE_OBSERVERS: readonly ObserverClass<RangeObserver>[] = [
  MinMaxObserver,
  PerChannelMinMaxObserver,
  MovingAverageMinMaxObserver,
  MovingAveragePerChannelMinMaxObserver,
  HistogramObserver,
  MSEObserver,
  PercentileObserver,
  EntropyObserver,
  FixedQParamsObserver,
];
