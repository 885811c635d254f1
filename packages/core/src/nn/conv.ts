import * as F from '../functional.js';
import type { PerAxis } from '../tensor/conv-geometry.js';
import type { Tensor } from '../tensor/tensor.js';
import { type ConvModuleOptions, ConvNd, type ConvTransposeModuleOptions } from './conv-base.js';

/** Convolution of x [batch, in, width] -> [batch, out, ...], float32. */
export class Conv1d extends ConvNd {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvModuleOptions = {}) {
    super(1, inChannels, outChannels, kernel, false, options);
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.conv1d(x, this.weight, this.bias, this);
  }
}

/** Convolution of x [batch, in, height, width] -> [batch, out, ...], float32. */
export class Conv2d extends ConvNd {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvModuleOptions = {}) {
    super(2, inChannels, outChannels, kernel, false, options);
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.conv2d(x, this.weight, this.bias, this);
  }
}

/** Convolution of x [batch, in, depth, height, width] -> [batch, out, ...], float32. */
export class Conv3d extends ConvNd {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvModuleOptions = {}) {
    super(3, inChannels, outChannels, kernel, false, options);
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.conv3d(x, this.weight, this.bias, this);
  }
}

/** Transposed convolution of x [batch, in, width] -> [batch, out, ...], float32. */
export class ConvTranspose1d extends ConvNd {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvTransposeModuleOptions = {}) {
    super(1, inChannels, outChannels, kernel, true, options);
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.convTranspose1d(x, this.weight, this.bias, this);
  }
}

/** Transposed convolution of x [batch, in, height, width] -> [batch, out, ...], float32. */
export class ConvTranspose2d extends ConvNd {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvTransposeModuleOptions = {}) {
    super(2, inChannels, outChannels, kernel, true, options);
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.convTranspose2d(x, this.weight, this.bias, this);
  }
}

/** Transposed convolution of x [batch, in, depth, height, width] -> [batch, out, ...], float32. */
export class ConvTranspose3d extends ConvNd {
  constructor(inChannels: number, outChannels: number, kernel: PerAxis, options: ConvTransposeModuleOptions = {}) {
    super(3, inChannels, outChannels, kernel, true, options);
  }

  forward(x: Tensor): Tensor<'float32'> {
    return F.convTranspose3d(x, this.weight, this.bias, this);
  }
}
