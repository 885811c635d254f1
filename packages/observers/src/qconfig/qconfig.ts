import { OctavoError } from '@octavo/core';
import { Observer } from '../observer.js';
import { describeFactory, type ObserverFactory } from '../observer-factory.js';

/**
 * How to quantize: factories of the observers that find ranges of activations and of weights. Factories and not
 * observers, because every tensor has an observer of its own.
 */
export interface QConfig {
  /** Name of a preset, for messages and reports. */
  readonly name?: string;
  readonly activation: ObserverFactory;
  readonly weight: ObserverFactory;
  /**
   * Static quantization of linears alone: what enters a linear is int8, its result is float32 as the accumulators give
   * it, and all other ops stay float.
   */
  readonly floatResults?: boolean;
  /**
   * Static quantization of convolutions: weights are rounded so that the sum of each kernel's taps keeps to half a step
   * (`keepKernelSums`), not each to its nearest code.
   */
  readonly keepKernelSums?: boolean;
  /** Weights alone: inputs of a linear that share a scale and zero point; all of an output's when left out. */
  readonly groupSize?: number;
}

/**
 * A qconfig of two factories, checked. `defineQConfig({ activation: A.withArgs({...}), weight: B.withArgs({...}) })`.
 */
export function defineQConfig(qconfig: QConfig): QConfig {
  const { name, activation, weight, floatResults, keepKernelSums, groupSize } = qconfig;
  checkFactory('activation', activation);
  checkFactory('weight', weight);
  return Object.freeze({
    ...(name === undefined ? {} : { name }),
    activation,
    weight,
    ...(floatResults === true ? { floatResults } : {}),
    ...(keepKernelSums === true ? { keepKernelSums } : {}),
    ...(groupSize === undefined ? {} : { groupSize: checkedGroupSize(groupSize) }),
  });
}

function checkedGroupSize(size: number): number {
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw new OctavoError('INVALID_ARGUMENT', `[QConfig] groupSize must be a positive integer, got ${String(size)}`);
}

/** True for an object with two observer factories, whoever made it. */
export function isQConfig(value: unknown): value is QConfig {
  const { activation, weight } = (value ?? {}) as Partial<QConfig>;
  return isFactory(activation) && isFactory(weight);
}

/** Refuses what is neither a qconfig nor null; `where` names the entry. */
export function checkQConfig(where: string, value: unknown): void {
  if (value === null || isQConfig(value)) return;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `qconfig for ${where}: expected a qconfig such as perRowDynamicQConfig, or null to keep it float; got ` +
      `${typeof value === 'string' ? `'${value}' (qconfigByName('${value}') looks names up)` : String(value)}`,
  );
}

/** A preset's name, or the two factories as text. */
export function describeQConfig(qconfig: QConfig): string {
  if (qconfig.name !== undefined) return qconfig.name;
  return `QConfig(activation=${describeFactory(qconfig.activation)}, weight=${describeFactory(qconfig.weight)})`;
}

function isFactory(value: unknown): value is ObserverFactory {
  return typeof value === 'function' && 'observerClass' in value;
}

function checkFactory(part: 'activation' | 'weight', value: unknown): void {
  if (isFactory(value)) return;
  const got = Observer.is(value)
    ? `an observer (${value.typeName}); each tensor needs its own`
    : typeof value === 'function' && 'typeName' in value
      ? `the class ${String(value.typeName)}`
      : String(value);
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `[QConfig] ${part} must be a factory such as MinMaxObserver.withArgs({ dtype: 'qint8' }), got ${got}`,
  );
}
