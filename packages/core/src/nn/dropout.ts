import { OctavoError } from '../errors.js';
import * as F from '../functional.js';
import { activeRecorder } from '../ops/recorder.js';
import { defaultGenerator } from '../random.js';
import { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';
import { pythonFloat } from './repr.js';

/** Identity in evaluation mode. In training each element is 0 with probability p, the rest grows by 1 / (1 - p). */
export class Dropout extends Module<(x: Tensor) => Tensor> {
  readonly p: number;

  constructor(p = 0.5) {
    super();
    if (!(p >= 0 && p <= 1)) throw new OctavoError('INVALID_ARGUMENT', `[Dropout] p must be between 0 and 1, got ${p}`);
    this.p = p;
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    if (activeRecorder() !== null) {
      throw new OctavoError('TRACE_FAILED', '[Dropout] a trace cannot hold random numbers; call model.eval() first');
    }
    const mask = new Float32Array(x.raw.data.length);
    for (let i = 0; i < mask.length; i++) mask[i] = defaultGenerator.uniform() < this.p ? 0 : 1 / (1 - this.p);
    return F.mul(x, new Tensor('float32', mask, x.raw.dims));
  }

  override extraRepr(): string {
    return `p=${this.p === 0 || this.p === 1 ? this.p : pythonFloat(this.p)}, inplace=False`;
  }
}
