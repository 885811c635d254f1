import { rint } from '@octavo/core';
import type { OnnxTensor } from './graph.js';

// Weights as ONNX Runtime's Python quantizer writes them (onnxruntime/python/tools/quantization/quant_utils.py).

/** Largest magnitude of a symmetric int8 code: the quantizer leaves -128 out. */
const SYMMETRIC_MAX = 127;

/** [out, in] float32 -> codes int8 [in, out] with one scale a column: `per_channel=True, weight_type=QInt8`. */
export function perChannelInt8(
  weight: Float32Array,
  out: number,
  inner: number,
): { codes: OnnxTensor; scales: OnnxTensor } {
  const codes = new Int8Array(inner * out);
  const scales = new Float32Array(out);
  for (let row = 0; row < out; row++) {
    let largest = 0;
    for (let i = row * inner; i < (row + 1) * inner; i++) largest = Math.max(largest, Math.abs(weight[i] as number));
    const scale = Math.fround(largest / SYMMETRIC_MAX) || 1;
    scales[row] = scale;
    for (let k = 0; k < inner; k++) codes[k * out + row] = rint((weight[row * inner + k] as number) / scale);
  }
  return {
    codes: { type: 'int8', dims: [inner, out], data: codes },
    scales: { type: 'float32', dims: [out], data: scales },
  };
}

/** An embedding as uint8 with one scale and zero point: what the quantizer makes of a Gather's table. */
export function perTensorUint8(table: OnnxTensor): { codes: OnnxTensor; scale: OnnxTensor; zeroPoint: OnnxTensor } {
  const data = table.data as Float32Array;
  let [low, high] = [0, 0];
  for (const value of data) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const scale = Math.fround((high - low) / 255) || 1;
  const zeroPoint = rint(-low / scale);
  const codes = new Uint8ClampedArray(data.length);
  for (let i = 0; i < codes.length; i++) codes[i] = rint((data[i] as number) / scale) + zeroPoint;
  return {
    codes: { type: 'uint8', dims: table.dims, data: new Uint8Array(codes.buffer) },
    scale: { type: 'float32', dims: [], data: Float32Array.of(scale) },
    zeroPoint: { type: 'uint8', dims: [], data: Uint8Array.of(zeroPoint) },
  };
}
