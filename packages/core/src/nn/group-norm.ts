import { OctavoError } from '../errors.js';
import * as F from '../functional.js';
import { Tensor } from '../tensor/tensor.js';
import { ones } from './init.js';
import { checkSize } from './linear.js';
import { Module } from './module.js';
import { pythonFloat } from './repr.js';

/**
 * Group normalisation of x [batch, numChannels, ...], float32: each of `numGroups` groups of channels of an item has a
 * mean and a variance of its own. weight [numChannels] starts at ones, bias at zeros; null with `affine: false`.
 */
export class GroupNorm extends Module<(x: Tensor) => Tensor<'float32'>> {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  weight: Tensor | null;
  bias: Tensor | null;

  constructor(
    numGroups: number,
    numChannels: number,
    { eps = 1e-5, affine = true }: { eps?: number; affine?: boolean } = {},
  ) {
    super();
    checkSize('GroupNorm', 'numChannels', numChannels);
    if (!(Number.isInteger(numGroups) && numGroups > 0 && numChannels % numGroups === 0)) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[GroupNorm] numChannels must be a multiple of numGroups, got ${numChannels} and ${numGroups}`,
      );
    }
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.eps = eps;
    this.weight = affine ? ones([numChannels]) : null;
    this.bias = affine ? Tensor.zeros([numChannels]) : null;
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.groupNorm(x, this.numGroups, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    const affine = this.weight === null ? 'False' : 'True';
    return `${this.numGroups}, ${this.numChannels}, eps=${pythonFloat(this.eps)}, affine=${affine}`;
  }
}
