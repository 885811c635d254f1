import { quantizedLinear } from '../ops/quantized/linear.js';
import type { LinearPackedParams } from '../tensor/linear-packed-params.js';
import type { QuantizedTensor } from '../tensor/quantized-tensor.js';
import { runStatic, type StaticOptions } from './static-op.js';

/**
 * Static quantized linear: x quint8 [..., in] of rank 2 or more, packed int8 weight [out, in] -> quint8 [..., out] of
 * the given scale and zero point. PyTorch's `torch.ops.quantized.linear` and `linear_relu`.
 */
export function linear(x: QuantizedTensor, packed: LinearPackedParams, options: StaticOptions): QuantizedTensor {
  return runStatic(quantizedLinear, x, packed, options);
}
