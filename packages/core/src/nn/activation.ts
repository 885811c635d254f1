import * as F from '../functional.js';
import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';

type FloatFunction = (x: Tensor) => Tensor<'float32'>;

/** GELU by erf, float32. */
export class GELU extends Module<FloatFunction> {
  forward(x: Tensor): Tensor<'float32'> {
    return F.gelu(x);
  }

  override extraRepr(): string {
    return `approximate='none'`;
  }
}

/** Hyperbolic tangent, float32. */
export class Tanh extends Module<FloatFunction> {
  forward(x: Tensor): Tensor<'float32'> {
    return F.tanh(x);
  }
}

/** max(x, 0), float32. */
export class ReLU extends Module<FloatFunction> {
  forward(x: Tensor): Tensor<'float32'> {
    return F.relu(x);
  }
}

/** 1 / (1 + e^-x), float32. */
export class Sigmoid extends Module<FloatFunction> {
  forward(x: Tensor): Tensor<'float32'> {
    return F.sigmoid(x);
  }
}

/** Softmax along `dim`, float32. */
export class Softmax extends Module<FloatFunction> {
  readonly dim: number;

  constructor(dim = -1) {
    super();
    this.dim = dim;
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.softmax(x, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}
