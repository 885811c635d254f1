import type { QuantizedTensor } from '@octavo/core';
import { FakeQuantize, type Observer, observerFromJSON, type QConfig } from '@octavo/observers';
import type { Node } from './node.js';

/**
 * A node that looks at a value and passes it on: as it is, or, with the attribute `fakeQuantize` 1, quantized and
 * dequantized by its FakeQuantize.
 */
export const OBSERVE = 'octavo::observe';

/** What an observe node is for. */
export interface ObserverSpec {
  readonly role: 'activation' | 'weight';
  readonly qconfig: QConfig;
  /** Static quantization only: the observer that `calibrate` shows the value to. Weights have one after `prepareQat`. */
  readonly observer?: Observer;
  /** Weights only: codes chosen beforehand (`adaRound`), which `convert` takes instead of rounding to the nearest. */
  readonly codes?: QuantizedTensor;
}

/** The entry of `graph.observers` that an observe node stands for. */
export function observerName(node: Node): string {
  return node.attrs.observer as string;
}

/** The FakeQuantize that rounds what a node passes on; undefined for any node that rounds nothing. */
export function fakeQuantizeOf(node: Node): FakeQuantize | undefined {
  if (node.op !== OBSERVE || node.attrs.fakeQuantize !== 1) return undefined;
  const observer = node.graph.observers.get(observerName(node))?.observer;
  return observer instanceof FakeQuantize ? observer : undefined;
}

/** The spec of a clone: it has an observer of its own, which has seen what this one has. */
export function cloneObserverSpec(spec: ObserverSpec): ObserverSpec {
  if (spec.observer === undefined) return spec;
  return { ...spec, observer: observerFromJSON(spec.observer.toJSON()) };
}
