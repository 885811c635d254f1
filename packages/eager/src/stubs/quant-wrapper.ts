import { Module, type Tensor } from '@octavo/core';
import { DeQuantStub, QuantStub } from './quant-stub.js';

/** A module of one input and one output between a QuantStub and a DeQuantStub (PyTorch's class of that name). */
export class QuantWrapper<M extends Module = Module> extends Module<(x: Tensor) => Tensor> {
  quant: Module;
  dequant: Module;
  module: M;

  constructor(module: M) {
    super();
    this.quant = new QuantStub();
    this.dequant = new DeQuantStub();
    this.module = module;
  }

  forward(x: Tensor): Tensor {
    return this.dequant.call(this.module.call(this.quant.call(x)));
  }
}
