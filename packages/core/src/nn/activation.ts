import { OctavoError } from '../errors.js';
import * as F from '../functional.js';
import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';
import { pythonFloat } from './repr.js';

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

/** log(softmax(x)) along `dim`, float32. */
export class LogSoftmax extends Module<FloatFunction> {
  readonly dim: number;

  constructor(dim = -1) {
    super();
    this.dim = dim;
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.logSoftmax(x, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/** x limited to [minVal, maxVal], -1 and 1 when left out; float32. */
export class Hardtanh extends Module<FloatFunction> {
  readonly minVal: number;
  readonly maxVal: number;

  constructor(minVal = -1, maxVal = 1) {
    super();
    if (!(minVal < maxVal)) {
      throw new OctavoError('INVALID_ARGUMENT', `[Hardtanh] minVal must lie below maxVal, got ${minVal} and ${maxVal}`);
    }
    this.minVal = minVal;
    this.maxVal = maxVal;
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.hardtanh(x, this.minVal, this.maxVal);
  }

  override extraRepr(): string {
    return `min_val=${pythonFloat(this.minVal)}, max_val=${pythonFloat(this.maxVal)}`;
  }
}

/** x limited to [0, 6], float32. */
export class ReLU6 extends Module<FloatFunction> {
  forward(x: Tensor): Tensor<'float32'> {
    return F.relu6(x);
  }
}

/** x min(max(x + 3, 0), 6) / 6, float32. */
export class Hardswish extends Module<FloatFunction> {
  forward(x: Tensor): Tensor<'float32'> {
    return F.hardswish(x);
  }
}

/** min(max(x + 3, 0), 6) / 6, float32. */
export class Hardsigmoid extends Module<FloatFunction> {
  forward(x: Tensor): Tensor<'float32'> {
    return F.hardsigmoid(x);
  }
}

/** x / (1 + e^-x), float32. */
export class SiLU extends Module<FloatFunction> {
  forward(x: Tensor): Tensor<'float32'> {
    return F.silu(x);
  }
}

/** x where x >= 0, else alpha (e^x - 1); float32. */
export class ELU extends Module<FloatFunction> {
  readonly alpha: number;

  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.elu(x, this.alpha);
  }

  override extraRepr(): string {
    return `alpha=${pythonFloat(this.alpha)}`;
  }
}

/** x where x >= 0, else alpha (e^(x / alpha) - 1); float32. */
export class CELU extends Module<FloatFunction> {
  readonly alpha: number;

  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.celu(x, this.alpha);
  }

  override extraRepr(): string {
    return `alpha=${pythonFloat(this.alpha)}`;
  }
}

/** x where x > 0, else x negativeSlope; float32. */
export class LeakyReLU extends Module<FloatFunction> {
  readonly negativeSlope: number;

  constructor(negativeSlope = 0.01) {
    super();
    this.negativeSlope = negativeSlope;
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.leakyRelu(x, this.negativeSlope);
  }

  override extraRepr(): string {
    return `negative_slope=${pythonFloat(this.negativeSlope)}`;
  }
}
