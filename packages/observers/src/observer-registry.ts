import { didYouMean, OctavoError } from '@octavo/core';
import { FixedQParamsObserver } from './fixed-qparams.js';
import { HistogramObserver } from './histogram/histogram.js';
import { MinMaxObserver } from './min-max.js';
import { MovingAverageMinMaxObserver } from './moving-average-min-max.js';
import { MovingAveragePerChannelMinMaxObserver } from './moving-average-per-channel-min-max.js';
import { NoopObserver } from './noop.js';
import type { Observer, ObserverClass, ObserverJSON } from './observer.js';
import { PerChannelMinMaxObserver } from './per-channel-min-max.js';
import { PerRowMinMaxObserver } from './per-row-min-max.js';
import { PlaceholderObserver } from './placeholder.js';

/** Every observer by name: where a new one is added. */
export const OBSERVERS: Readonly<Record<string, ObserverClass>> = Object.fromEntries(
  [
    MinMaxObserver,
    PerChannelMinMaxObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    HistogramObserver,
    PerRowMinMaxObserver,
    PlaceholderObserver,
    NoopObserver,
    FixedQParamsObserver,
  ].map((observerClass) => [observerClass.typeName, observerClass as ObserverClass]),
);

/** An observer of any class from what `toJSON` gave: stored calibration. */
export function observerFromJSON(json: ObserverJSON): Observer {
  const name = String(json?.type);
  const observerClass = Object.hasOwn(OBSERVERS, name) ? OBSERVERS[name] : undefined;
  if (observerClass === undefined) {
    const known = Object.keys(OBSERVERS);
    throw new OctavoError(
      'UNKNOWN_NAME',
      `[observerFromJSON] unknown observer '${name}' (known: ${known.join(', ')})${didYouMean(name, known)}`,
    );
  }
  return (observerClass as unknown as { fromJSON(json: ObserverJSON): Observer }).fromJSON(json);
}
