import type { AveragePoolOptions, MaxPoolOptions } from '../functional.js';
import * as F from '../functional.js';
import type { PerAxis } from '../tensor/conv-geometry.js';
import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';
import { pythonBool, pythonPerAxis, pythonTuple } from './repr.js';

type Pool = (x: Tensor) => Tensor<'float32'>;

/** What max pools share. */
abstract class MaxPool extends Module<Pool> {
  readonly kernel: PerAxis;
  readonly stride: PerAxis;
  readonly padding: PerAxis;
  readonly dilation: PerAxis;
  readonly ceilMode: boolean;

  constructor(kernel: PerAxis, options: MaxPoolOptions = {}) {
    super();
    this.kernel = kernel;
    this.stride = options.stride ?? kernel;
    this.padding = options.padding ?? 0;
    this.dilation = options.dilation ?? 1;
    this.ceilMode = options.ceilMode ?? false;
  }

  override extraRepr(): string {
    const [kernel, stride, padding, dilation] = [this.kernel, this.stride, this.padding, this.dilation].map(
      pythonPerAxis,
    );
    return (
      `kernel_size=${kernel}, stride=${stride}, padding=${padding}, dilation=${dilation}, ` +
      `ceil_mode=${pythonBool(this.ceilMode)}`
    );
  }
}

/** The largest element of each window of x [..., channels, width], float32. */
export class MaxPool1d extends MaxPool {
  forward(x: Tensor): Tensor<'float32'> {
    return F.maxPool1d(x, this.kernel, this);
  }
}

/** The largest element of each window of x [..., channels, height, width], float32. */
export class MaxPool2d extends MaxPool {
  forward(x: Tensor): Tensor<'float32'> {
    return F.maxPool2d(x, this.kernel, this);
  }
}

/** The largest element of each window of x [..., channels, depth, height, width], float32. */
export class MaxPool3d extends MaxPool {
  forward(x: Tensor): Tensor<'float32'> {
    return F.maxPool3d(x, this.kernel, this);
  }
}

/** What average pools share. */
abstract class AvgPool extends Module<Pool> {
  readonly kernel: PerAxis;
  readonly stride: PerAxis;
  readonly padding: PerAxis;
  readonly ceilMode: boolean;
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | null;

  constructor(kernel: PerAxis, options: AveragePoolOptions = {}) {
    super();
    this.kernel = kernel;
    this.stride = options.stride ?? kernel;
    this.padding = options.padding ?? 0;
    this.ceilMode = options.ceilMode ?? false;
    this.countIncludePad = options.countIncludePad ?? true;
    this.divisorOverride = options.divisorOverride ?? null;
  }

  override extraRepr(): string {
    const [kernel, stride, padding] = [this.kernel, this.stride, this.padding].map((value) => this.perAxisRepr(value));
    return `kernel_size=${kernel}, stride=${stride}, padding=${padding}`;
  }

  protected perAxisRepr(value: PerAxis): string {
    return pythonPerAxis(value);
  }
}

/** The mean of each window of x [..., channels, width], float32. */
export class AvgPool1d extends AvgPool {
  forward(x: Tensor): Tensor<'float32'> {
    return F.avgPool1d(x, this.kernel, this);
  }

  /** PyTorch makes tuples of them in this class alone. */
  protected override perAxisRepr(value: PerAxis): string {
    return pythonTuple([value].flat());
  }
}

/** The mean of each window of x [..., channels, height, width], float32. */
export class AvgPool2d extends AvgPool {
  forward(x: Tensor): Tensor<'float32'> {
    return F.avgPool2d(x, this.kernel, this);
  }
}

/** The mean of each window of x [..., channels, depth, height, width], float32. */
export class AvgPool3d extends AvgPool {
  forward(x: Tensor): Tensor<'float32'> {
    return F.avgPool3d(x, this.kernel, this);
  }
}

/** What adaptive average pools share. */
abstract class AdaptiveAvgPool extends Module<Pool> {
  readonly outputSize: PerAxis;

  constructor(outputSize: PerAxis) {
    super();
    this.outputSize = outputSize;
  }

  override extraRepr(): string {
    return `output_size=${pythonPerAxis(this.outputSize)}`;
  }
}

/** The mean of each of `outputSize` parts of x [..., channels, width], float32. */
export class AdaptiveAvgPool1d extends AdaptiveAvgPool {
  forward(x: Tensor): Tensor<'float32'> {
    return F.adaptiveAvgPool1d(x, this.outputSize);
  }
}

/** The mean of each of `outputSize` parts of x [..., channels, height, width], float32. */
export class AdaptiveAvgPool2d extends AdaptiveAvgPool {
  forward(x: Tensor): Tensor<'float32'> {
    return F.adaptiveAvgPool2d(x, this.outputSize);
  }
}

/** The mean of each of `outputSize` parts of x [..., channels, depth, height, width], float32. */
export class AdaptiveAvgPool3d extends AdaptiveAvgPool {
  forward(x: Tensor): Tensor<'float32'> {
    return F.adaptiveAvgPool3d(x, this.outputSize);
  }
}
