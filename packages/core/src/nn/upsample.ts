import * as F from '../functional.js';
import type { PerAxis } from '../tensor/conv-geometry.js';
import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';
import { pythonFloat, pythonPerAxis } from './repr.js';

/** x [batch, channels, ...spatial] in another size, float32: `F.interpolate` and its options. */
export class Upsample extends Module<(x: Tensor) => Tensor<'float32'>> {
  readonly size: PerAxis | null;
  readonly scaleFactor: PerAxis | null;
  readonly mode: 'nearest' | 'bilinear';
  readonly alignCorners: boolean;

  constructor({ size, scaleFactor, mode = 'nearest', alignCorners = false }: F.InterpolateOptions) {
    super();
    this.size = size ?? null;
    this.scaleFactor = scaleFactor ?? null;
    this.mode = mode;
    this.alignCorners = alignCorners;
  }

  forward(x: Tensor): Tensor<'float32'> {
    const { size, scaleFactor, mode, alignCorners } = this;
    return F.interpolate(x, {
      ...(size !== null && { size }),
      ...(scaleFactor !== null && { scaleFactor }),
      mode,
      alignCorners,
    });
  }

  override extraRepr(): string {
    const factors = typeof this.scaleFactor === 'number' ? this.scaleFactor : this.scaleFactor?.map(pythonFloat);
    const extent =
      factors === undefined || factors === null
        ? `size=${pythonPerAxis(this.size as PerAxis)}`
        : `scale_factor=${typeof factors === 'number' ? pythonFloat(factors) : `(${factors.join(', ')})`}`;
    return `${extent}, mode='${this.mode}'`;
  }
}
