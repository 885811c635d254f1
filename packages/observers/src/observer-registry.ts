import { didYouMean, OctavoError } from '@octavo/core';
import { FakeQuantize } from './fake-quantize/fake-quantize.js';
import { FixedQParamsFakeQuantize } from './fake-quantize/fixed-qparams.js';
import { FusedMovingAvgObsFakeQuantize } from './fake-quantize/fused-moving-avg.js';
import { NoopObserver } from './noop.js';
import type { Observer, ObserverClass, ObserverJSON } from './observer.js';
import { PerRowMinMaxObserver } from './per-row-min-max.js';
import { PlaceholderObserver } from './placeholder.js';
import { RANGE_OBSERVERS } from './range-observers.js';
import { RecordingObserver } from './recording.js';
import { ReuseInputObserver } from './reuse-input.js';

/** Every observer by name: where a new one is added. */
export const OBSERVERS: Readonly<Record<string, ObserverClass>> = Object.fromEntries(
  [
    ...RANGE_OBSERVERS,
    PerRowMinMaxObserver,
    PlaceholderObserver,
    NoopObserver,
    ReuseInputObserver,
    RecordingObserver,
    FakeQuantize,
    FusedMovingAvgObsFakeQuantize,
    FixedQParamsFakeQuantize,
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
