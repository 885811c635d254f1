import { OctavoError, type Tensor } from '@octavo/core';
import type { ObservedQParams } from './observed-qparams.js';
import { Observer } from './observer.js';

/**
 * Marks an output that shares its input's scale and zero point, such as a reshape's: conversion takes the observer of
 * the input (PyTorch's class of that name). It observes nothing itself.
 */
export class ReuseInputObserver extends Observer {
  static override readonly typeName = 'ReuseInputObserver';

  observe(x: Tensor): Tensor {
    return x;
  }

  calculateQParams(): ObservedQParams {
    throw new OctavoError(
      'UNSUPPORTED',
      "[ReuseInputObserver] it stands for its input's observer; ask that one for scale and zero point",
    );
  }

  reset(): void {}

  protected override mergeState(): void {}

  protected override optionsJSON(): Record<string, unknown> {
    return {};
  }
}
