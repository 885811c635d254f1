import { quantizedConv, quantizedConvTranspose } from '../ops/quantized/conv.js';
import type { ConvPackedParams } from '../tensor/conv-packed-params.js';
import type { QuantizedTensor } from '../tensor/quantized-tensor.js';
import type { OutputQParams } from './input.js';
import { runStatic, type StaticOptions } from './static-op.js';

/**
 * Static quantized convolution over the 1, 2 or 3 spatial axes of the packed weight: x quint8 [batch, in, ...spatial]
 * -> quint8 [batch, out, ...] of the given scale and zero point. PyTorch's `torch.ops.quantized.conv2d`, `conv2d_relu`
 * and their like, with exact sums in depthwise convolutions as well.
 */
export function conv(x: QuantizedTensor, packed: ConvPackedParams, options: StaticOptions): QuantizedTensor {
  return runStatic(quantizedConv, x, packed, options);
}

/** The transposed form of `conv`: `torch.ops.quantized.conv_transpose2d` and its like. */
export function convTranspose(x: QuantizedTensor, packed: ConvPackedParams, options: OutputQParams): QuantizedTensor {
  return runStatic(quantizedConvTranspose, x, packed, options);
}
