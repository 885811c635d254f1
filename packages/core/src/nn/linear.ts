import { OctavoError } from '../errors.js';
import * as F from '../functional.js';
import type { Tensor } from '../tensor/tensor.js';
import { uniform } from './init.js';
import { Module } from './module.js';

/**
 * y = x weight^T + bias: x [..., inFeatures] -> [..., outFeatures], float32. weight [outFeatures, inFeatures],
 * bias [outFeatures] or null. Both start uniform in +-1 / sqrt(inFeatures), as PyTorch's.
 */
export class Linear extends Module<(x: Tensor) => Tensor<'float32'>> {
  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Tensor;
  bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, { bias = true }: { bias?: boolean } = {}) {
    super();
    checkSize('Linear', 'inFeatures', inFeatures);
    checkSize('Linear', 'outFeatures', outFeatures);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    const bound = inFeatures > 0 ? 1 / Math.sqrt(inFeatures) : 0;
    this.weight = uniform([outFeatures, inFeatures], bound);
    this.bias = bias ? uniform([outFeatures], bound) : null;
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.linear(x, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${this.bias === null ? 'False' : 'True'}`;
  }
}

/** Refuses a size that is no integer of 0 or more. */
export function checkSize(module: string, name: string, size: number): void {
  if (Number.isSafeInteger(size) && size >= 0) return;
  throw new OctavoError('INVALID_ARGUMENT', `[${module}] ${name} must be an integer of 0 or more, got ${size}`);
}
