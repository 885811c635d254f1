import { inverseScale, quantizeValue, quantizeWithFloatZeroPoint, sizeOf, Tensor } from '@octavo/core';
import type { ObservedQParams } from '../observed-qparams.js';

/**
 * The derivative of fake quantization with respect to x, straight through the rounding: 1 where the code lies in
 * [quantMin, quantMax] before it is clamped, 0 elsewhere and for NaN (PyTorch, FakeQuantizeCore.cpp, the mask of
 * `fake_quantize_per_tensor_affine_cachemask`). x and result: float32, any shape.
 */
export function straightThroughMask(x: Tensor<'float32'>, qparams: ObservedQParams): Tensor<'float32'> {
  const { data, dims } = x.raw;
  const { scales, zeroPoints, axis, quantMin, quantMax } = qparams;
  const run = axis === null ? data.length : sizeOf(dims.slice(axis + 1));
  const quantize = zeroPoints instanceof Float32Array ? quantizeWithFloatZeroPoint : quantizeValue;
  const mask = new Float32Array(data.length);
  for (let start = 0, channel = 0; start < data.length; start += run, channel = (channel + 1) % scales.length) {
    const inverse = inverseScale(scales[channel] as number);
    const zeroPoint = zeroPoints[channel] as number;
    for (let i = start; i < start + run; i++) {
      const value = data[i] as number;
      const code = quantize(value, inverse, zeroPoint, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
      mask[i] = code >= quantMin && code <= quantMax && !Number.isNaN(value) ? 1 : 0;
    }
  }
  return new Tensor('float32', mask, dims);
}
