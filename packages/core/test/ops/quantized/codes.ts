import type { QuantizedDType } from '../../../src/tensor/dtype.js';
import { QUANTIZED_DTYPES } from '../../../src/tensor/dtype.js';
import { QuantizedTensor } from '../../../src/tensor/quantized-tensor.js';
import { type NestedNumbers, Tensor } from '../../../src/tensor/tensor.js';

/** A quantized tensor of these codes. */
export function quantized(
  codes: NestedNumbers,
  scale: number,
  zeroPoint: number,
  dtype: QuantizedDType = 'quint8',
): QuantizedTensor {
  return new QuantizedTensor(dtype, Tensor.from(codes, { dtype: QUANTIZED_DTYPES[dtype].storage }), {
    scales: Float32Array.of(scale),
    zeroPoints: Int32Array.of(zeroPoint),
  });
}

/** Codes as plain numbers. */
export function codes(q: QuantizedTensor): number[] {
  return Array.from(q.values.raw.data as Uint8Array);
}
