import * as ops from '../ops/pool.js';
import {
  type AveragePoolOptions,
  averageAttrs,
  type MaxPoolOptions,
  maxAttrs,
  outputSizeAttrs,
} from '../ops/pool-options.js';
import type { PerAxis } from '../tensor/conv-geometry.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Float, run } from './run.js';

export type { AveragePoolOptions, MaxPoolOptions, PoolOptions } from '../ops/pool-options.js';

type MaxPool = (x: Tensor, kernel: PerAxis, options?: MaxPoolOptions) => Float;
type AvgPool = (x: Tensor, kernel: PerAxis, options?: AveragePoolOptions) => Float;
type AdaptiveAvgPool = (x: Tensor, outputSize: PerAxis) => Float;

function maxPool(rank: number): MaxPool {
  return (x, kernel, options = {}) => run(ops.maxPool, [x], maxAttrs(ops.maxPool, rank, kernel, options));
}

function avgPool(rank: number): AvgPool {
  return (x, kernel, options = {}) => run(ops.avgPool, [x], averageAttrs(ops.avgPool, rank, kernel, options));
}

function adaptiveAvgPool(rank: number): AdaptiveAvgPool {
  return (x, outputSize) => run(ops.adaptiveAvgPool, [x], outputSizeAttrs(ops.adaptiveAvgPool, rank, outputSize));
}

/** The largest element of each window of x [..., channels, width], float32; padding never wins, NaN does. */
export const maxPool1d: MaxPool = maxPool(1);
/** The largest element of each window of x [..., channels, height, width]; see `maxPool1d`. */
export const maxPool2d: MaxPool = maxPool(2);
/** The largest element of each window of x [..., channels, depth, height, width]; see `maxPool1d`. */
export const maxPool3d: MaxPool = maxPool(3);

/** The mean of each window of x [..., channels, width], float32. */
export const avgPool1d: AvgPool = avgPool(1);
/** The mean of each window of x [..., channels, height, width], float32. */
export const avgPool2d: AvgPool = avgPool(2);
/** The mean of each window of x [..., channels, depth, height, width], float32. */
export const avgPool3d: AvgPool = avgPool(3);

/** The mean of each of `outputSize` parts of x [..., channels, width], float32. */
export const adaptiveAvgPool1d: AdaptiveAvgPool = adaptiveAvgPool(1);
/** The mean of each of `outputSize` parts of x [..., channels, height, width], float32. */
export const adaptiveAvgPool2d: AdaptiveAvgPool = adaptiveAvgPool(2);
/** The mean of each of `outputSize` parts of x [..., channels, depth, height, width], float32. */
export const adaptiveAvgPool3d: AdaptiveAvgPool = adaptiveAvgPool(3);
