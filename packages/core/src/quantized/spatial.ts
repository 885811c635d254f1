import { OctavoError } from '../errors.js';
import { quantizedMean } from '../ops/quantized/mean.js';
import * as pools from '../ops/quantized/pool.js';
import { upsampleBilinear2d, upsampleNearest2d } from '../ops/quantized/resize.js';
import type { QuantizedTensor } from '../tensor/quantized-tensor.js';
import { type Pair, pair, qparamsOf, runOp } from './operands.js';

// Pools, means and resizing of images [..., channels, height, width]; the results have the input's qparams.

export interface PoolOptions {
  /** The kernel's size when left out. */
  readonly stride?: Pair;
  readonly padding?: Pair;
  /** Rounds the output's size up; the last windows then reach past the input. */
  readonly ceilMode?: boolean;
}

function windowAttrs(kernel: Pair, { stride = kernel, padding = 0, ceilMode = false }: PoolOptions) {
  return { kernel: pair(kernel), stride: pair(stride), padding: pair(padding), ceilMode: Number(ceilMode) };
}

/** The largest value of each window. */
export function maxPool2d(
  x: QuantizedTensor,
  kernel: Pair,
  { dilation = 1, ...options }: PoolOptions & { readonly dilation?: Pair } = {},
): QuantizedTensor {
  const attrs = { ...windowAttrs(kernel, options), dilation: pair(dilation) };
  return runOp(pools.maxPool2d, [x.values], attrs, x.dtype, qparamsOf(x, pools.maxPool2d, 'x'));
}

export interface AveragePoolOptions extends PoolOptions {
  /** Whether padding counts as zeros; true when left out, as in PyTorch. */
  readonly countIncludePad?: boolean;
  /** Divides by this in place of the window's size. */
  readonly divisorOverride?: number | null;
}

/** The mean of each window. */
export function avgPool2d(
  x: QuantizedTensor,
  kernel: Pair,
  { countIncludePad = true, divisorOverride = null, ...options }: AveragePoolOptions = {},
): QuantizedTensor {
  const qparams = qparamsOf(x, pools.avgPool2d, 'x');
  const attrs = {
    ...windowAttrs(kernel, options),
    countIncludePad: Number(countIncludePad),
    divisor: divisorOverride ?? 0,
    xZeroPoint: qparams.zeroPoint,
    nchw: 0,
  };
  return runOp(pools.avgPool2d, [x.values], attrs, x.dtype, qparams);
}

/** The mean of each of `outputSize` parts of the image. */
export function adaptiveAvgPool2d(x: QuantizedTensor, outputSize: Pair): QuantizedTensor {
  const qparams = qparamsOf(x, pools.adaptiveAvgPool2d, 'x');
  const attrs = { outputSize: pair(outputSize), xZeroPoint: qparams.zeroPoint, nchw: 0 };
  return runOp(pools.adaptiveAvgPool2d, [x.values], attrs, x.dtype, qparams);
}

/** The mean over `dims`, all when left out. */
export function mean(x: QuantizedTensor, dims: readonly number[] = [], keepdim = false): QuantizedTensor {
  const qparams = qparamsOf(x, quantizedMean, 'x');
  const attrs = { dims, keepdim: Number(keepdim), xZeroPoint: qparams.zeroPoint };
  return runOp(quantizedMean, [x.values], attrs, x.dtype, qparams);
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
