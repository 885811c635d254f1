import { OctavoError } from '../errors.js';
import * as F from '../functional.js';
import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';
import { pythonTuple } from './repr.js';

/**
 * What zero paddings share: x [..., ...spatial] with zeros around its last dims. `padding` is one number for every
 * side, or in PyTorch's order [left, right, top, bottom, front, back].
 */
abstract class ZeroPad extends Module<(x: Tensor) => Tensor<'float32'>> {
  readonly padding: readonly number[];

  constructor(rank: number, padding: number | readonly number[]) {
    super();
    this.padding = typeof padding === 'number' ? new Array<number>(2 * rank).fill(padding) : [...padding];
    if (this.padding.length === 2 * rank && this.padding.every(Number.isSafeInteger)) return;
    const sides = ['left', 'right', 'top', 'bottom', 'front', 'back'].slice(0, 2 * rank).join(', ');
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${this.typeName}] padding must be an integer or [${sides}], got [${this.padding.join(', ')}]`,
    );
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.pad(x, this.padding);
  }

  override extraRepr(): string {
    return pythonTuple(this.padding);
  }
}

/** Zeros around x [..., width]. */
export class ZeroPad1d extends ZeroPad {
  constructor(padding: number | readonly number[]) {
    super(1, padding);
  }
}

/** Zeros around x [..., height, width]. */
export class ZeroPad2d extends ZeroPad {
  constructor(padding: number | readonly number[]) {
    super(2, padding);
  }
}

/** Zeros around x [..., depth, height, width]. */
export class ZeroPad3d extends ZeroPad {
  constructor(padding: number | readonly number[]) {
    super(3, padding);
  }
}
