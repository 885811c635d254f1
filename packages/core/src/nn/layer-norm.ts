import * as F from '../functional.js';
import type { Dims } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { ones } from './init.js';
import { Module } from './module.js';
import { pythonFloat } from './repr.js';

/** Layer normalisation over the last dimensions, `normalizedShape`, float32; weight starts at ones, bias at zeros. */
export class LayerNorm extends Module<(x: Tensor) => Tensor<'float32'>> {
  readonly normalizedShape: Dims;
  readonly eps: number;
  weight: Tensor | null;
  bias: Tensor | null;

  constructor(
    normalizedShape: number | Dims,
    { eps = 1e-5, elementwiseAffine = true }: { eps?: number; elementwiseAffine?: boolean } = {},
  ) {
    super();
    this.normalizedShape = typeof normalizedShape === 'number' ? [normalizedShape] : [...normalizedShape];
    this.eps = eps;
    this.weight = elementwiseAffine ? ones(this.normalizedShape) : null;
    this.bias = elementwiseAffine ? Tensor.zeros(this.normalizedShape) : null;
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.layerNorm(x, this.normalizedShape, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    const shape = this.normalizedShape.length === 1 ? `${this.normalizedShape[0]},` : this.normalizedShape.join(', ');
    const affine = this.weight === null ? 'False' : 'True';
    return `(${shape}), eps=${pythonFloat(this.eps)}, elementwise_affine=${affine}`;
  }
}
