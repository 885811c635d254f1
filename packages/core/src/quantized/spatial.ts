import { OctavoError } from '../errors.js';
import type { QParams } from '../numerics/choose-qparams.js';
import { paddingAttr, quantizedPad } from '../ops/pad.js';
import {
  type AveragePoolOptions,
  averageAttrs,
  type MaxPoolOptions,
  maxAttrs,
  outputSizeAttrs,
} from '../ops/pool-options.js';
import { quantizedMean } from '../ops/quantized/mean.js';
import * as pools from '../ops/quantized/pool.js';
import { upsampleBilinear2d, upsampleNearest2d } from '../ops/quantized/resize.js';
import type { PerAxis } from '../tensor/conv-geometry.js';
import type { QuantizedTensor } from '../tensor/quantized-tensor.js';
import { type Pair, pair, qparamsOf, runOp } from './operands.js';

// Pools, means and resizing of images [..., channels, height, width]; the results have the input's qparams.

export type { AveragePoolOptions, MaxPoolOptions, PoolOptions } from '../ops/pool-options.js';

type MaxPool = (x: QuantizedTensor, kernel: PerAxis, options?: MaxPoolOptions) => QuantizedTensor;
type AvgPool = (x: QuantizedTensor, kernel: PerAxis, options?: AveragePoolOptions) => QuantizedTensor;
type AdaptiveAvgPool = (x: QuantizedTensor, outputSize: PerAxis) => QuantizedTensor;

function maxPool(rank: number): MaxPool {
  return (x, kernel, options = {}) => {
    const qparams = qparamsOf(x, pools.maxPool2d, 'x');
    return runOp(pools.maxPool2d, [x.values], maxAttrs(pools.maxPool2d, rank, kernel, options), x.dtype, qparams);
  };
}

function avgPool(rank: number): AvgPool {
  return (x, kernel, options = {}) => {
    const qparams = qparamsOf(x, pools.avgPool2d, 'x');
    const attrs = averageAttrs(pools.avgPool2d, rank, kernel, options);
    return runOp(pools.avgPool2d, [x.values], { ...attrs, ...meanAttrs(qparams) }, x.dtype, qparams);
  };
}

function adaptiveAvgPool(rank: number): AdaptiveAvgPool {
  return (x, outputSize) => {
    const qparams = qparamsOf(x, pools.adaptiveAvgPool2d, 'x');
    const attrs = outputSizeAttrs(pools.adaptiveAvgPool2d, rank, outputSize);
    return runOp(pools.adaptiveAvgPool2d, [x.values], { ...attrs, ...meanAttrs(qparams) }, x.dtype, qparams);
  };
}

function meanAttrs({ zeroPoint }: QParams) {
  return { xZeroPoint: zeroPoint, nchw: 0 };
}

/** The largest value of each window of x [..., channels, width]. */
export const maxPool1d: MaxPool = maxPool(1);
/** The largest value of each window of x [..., channels, height, width]. */
export const maxPool2d: MaxPool = maxPool(2);
/** The largest value of each window of x [..., channels, depth, height, width]. */
export const maxPool3d: MaxPool = maxPool(3);

/** The mean of each window of x [..., channels, width]. */
export const avgPool1d: AvgPool = avgPool(1);
/** The mean of each window of x [..., channels, height, width]. */
export const avgPool2d: AvgPool = avgPool(2);
/** The mean of each window of x [..., channels, depth, height, width]. */
export const avgPool3d: AvgPool = avgPool(3);

/** The mean of each of `outputSize` parts of x [..., channels, width]. */
export const adaptiveAvgPool1d: AdaptiveAvgPool = adaptiveAvgPool(1);
/** The mean of each of `outputSize` parts of x [..., channels, height, width]. */
export const adaptiveAvgPool2d: AdaptiveAvgPool = adaptiveAvgPool(2);
/** The mean of each of `outputSize` parts of x [..., channels, depth, height, width]. */
export const adaptiveAvgPool3d: AdaptiveAvgPool = adaptiveAvgPool(3);

/** The mean over `dims`, all when left out. */
export function mean(x: QuantizedTensor, dims: readonly number[] = [], keepdim = false): QuantizedTensor {
  const qparams = qparamsOf(x, quantizedMean, 'x');
  const attrs = { dims, keepdim: Number(keepdim), xZeroPoint: qparams.zeroPoint };
  return runOp(quantizedMean, [x.values], attrs, x.dtype, qparams);
}

/**
 * x with zeros, which are codes of its zero point, around its last dims: `padding` as `F.pad`'s, [left, right, top, bottom,
 * ...]; negative numbers take elements away.
 */
export function pad(x: QuantizedTensor, padding: readonly number[]): QuantizedTensor {
  const qparams = qparamsOf(x, quantizedPad, 'x');
  const attrs = { padding: paddingAttr(padding), xZeroPoint: qparams.zeroPoint };
  return runOp(quantizedPad, [x.values], attrs, x.dtype, qparams);
}

/** The image in another size, from the nearest pixels or bilinearly. */
export function interpolate(
  x: QuantizedTensor,
  size: Pair,
  { mode = 'nearest', alignCorners = false }: { mode?: 'nearest' | 'bilinear'; alignCorners?: boolean } = {},
): QuantizedTensor {
  if (mode !== 'nearest' && mode !== 'bilinear') {
    throw new OctavoError('INVALID_ARGUMENT', `[Q.interpolate] mode must be nearest or bilinear, got ${String(mode)}`);
  }
  const op = mode === 'nearest' ? upsampleNearest2d : upsampleBilinear2d;
  const qparams = qparamsOf(x, op, 'x');
  const bilinear = { alignCorners: Number(alignCorners), xZeroPoint: qparams.zeroPoint };
  const attrs = { size: pair(size), ...(mode === 'nearest' ? {} : bilinear) };
  return runOp(op, [x.values], attrs, x.dtype, qparams);
}
