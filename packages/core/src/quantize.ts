import { OctavoError } from './errors.js';
import * as F from './functional.js';
import { dequantizeValue, inverseScale, quantizeValue, quantizeWithFloatZeroPoint } from './numerics/quantize.js';
import { QUANTIZED_DTYPES, type QuantizedDType } from './tensor/dtype.js';
import { QuantizedTensor } from './tensor/quantized-tensor.js';
import { checkAxis, sizeOf } from './tensor/shape.js';
import { Tensor } from './tensor/tensor.js';

// Quantization of whole tensors, by scales and zero points that are known. The formulas are `numerics/quantize.ts`.

/** Scales or zero points of the channels of an axis. */
export type ChannelValues = ArrayLike<number>;

/** Codes of x (float32, any shape) by one scale and zero point, as `torch.quantize_per_tensor`. */
export function quantizePerTensor(
  x: Tensor,
  scale: number,
  zeroPoint: number,
  dtype: QuantizedDType = 'quint8',
): QuantizedTensor {
  const qparams = checkQParams('quantizePerTensor', [scale], [zeroPoint], dtype);
  const { storage } = QUANTIZED_DTYPES[dtype];
  const codes = F.quantizePerTensor(x, ...qparamTensors(qparams), storage);
  return new QuantizedTensor(dtype, codes, qparams);
}

/** Codes of x (float32) by one scale and zero point for each index of `axis`, as `torch.quantize_per_channel`. */
export function quantizePerChannel(
  x: Tensor,
  scales: ChannelValues,
  zeroPoints: ChannelValues,
  axis = 0,
  dtype: QuantizedDType = 'qint8',
): QuantizedTensor {
  const qparams = checkQParams('quantizePerChannel', scales, zeroPoints, dtype);
  const resolved = checkAxis(axis, x.raw.dims.length, 'quantizePerChannel');
  const { storage } = QUANTIZED_DTYPES[dtype];
  const codes = F.quantizePerChannel(x, ...qparamTensors(qparams), resolved, storage);
  return new QuantizedTensor(dtype, codes, { ...qparams, axis: resolved });
}

/** float32 (code - zeroPoint) * scale. */
export function dequantize(q: QuantizedTensor): Tensor<'float32'> {
  return F.dequantize(q.values, ...qparamTensors(q), q.axis ?? 'tensor');
}

/** The range of codes a fake quantization keeps to; the dtype's unless `qmin` and `qmax` say otherwise. */
export interface FakeQuantizeRange {
  readonly qmin: number;
  readonly qmax: number;
}

/**
 * x as it comes back from quantization and dequantization, float32: rint first, then the zero point
 * (`torch.fake_quantize_per_tensor_affine`).
 */
export function fakeQuantizePerTensor(
  x: Tensor,
  scale: number,
  zeroPoint: number,
  range: FakeQuantizeRange = QUANTIZED_DTYPES.quint8,
): Tensor<'float32'> {
  return fakeQuantized('fakeQuantizePerTensor', x, [scale], [zeroPoint], range, sizeOf(x.raw.dims));
}

/**
 * `fakeQuantizePerTensor` with one scale and zero point for each index of `axis`. Zero points in a Float32Array are
 * floats, added before the rounding, as embedding tables have them.
 */
export function fakeQuantizePerChannel(
  x: Tensor,
  scales: ChannelValues,
  zeroPoints: ChannelValues,
  axis = 0,
  range: FakeQuantizeRange = QUANTIZED_DTYPES.qint8,
): Tensor<'float32'> {
  const { dims } = x.raw;
  const resolved = checkAxis(axis, dims.length, 'fakeQuantizePerChannel');
  if (scales.length !== dims[resolved] || zeroPoints.length !== dims[resolved]) {
    throw new OctavoError(
      'INVALID_SHAPE',
      `[fakeQuantizePerChannel] axis ${axis} has ${dims[resolved]} channels, got ${scales.length} scales and ` +
        `${zeroPoints.length} zero points`,
    );
  }
  return fakeQuantized('fakeQuantizePerChannel', x, scales, zeroPoints, range, sizeOf(dims.slice(resolved + 1)));
}

function fakeQuantized(
  where: string,
  x: Tensor,
  scales: ChannelValues,
  zeroPoints: ChannelValues,
  { qmin, qmax }: FakeQuantizeRange,
  run: number,
): Tensor<'float32'> {
  if (x.type !== 'float32') throw new OctavoError('INVALID_DTYPE', `[${where}] x must be float32, got ${x.type}`);
  const data = x.raw.data as Float32Array;
  const y = new Float32Array(data.length);
  const quantize = zeroPoints instanceof Float32Array ? quantizeWithFloatZeroPoint : quantizeValue;
  for (let start = 0, channel = 0; start < data.length; start += run, channel = (channel + 1) % scales.length) {
    const scale = Math.fround(scales[channel] as number);
    const zeroPoint = zeroPoints[channel] as number;
    const inverse = inverseScale(scale);
    for (let i = start; i < start + run; i++) {
      y[i] = dequantizeValue(quantize(data[i] as number, inverse, zeroPoint, qmin, qmax), scale, zeroPoint);
    }
  }
  return new Tensor('float32', y, x.raw.dims);
}

function qparamTensors({ scales, zeroPoints }: { scales: Float32Array; zeroPoints: Int32Array }): [Tensor, Tensor] {
  return [new Tensor('float32', scales), new Tensor('int32', zeroPoints)];
}

/** Scales must be positive and finite in float32, zero points codes of the dtype. */
function checkQParams(
  where: string,
  scales: ChannelValues,
  zeroPoints: ChannelValues,
  dtype: QuantizedDType,
): { scales: Float32Array; zeroPoints: Int32Array } {
  if (!Object.hasOwn(QUANTIZED_DTYPES, dtype)) {
    throw new OctavoError('INVALID_DTYPE', `[${where}] dtype must be quint8, qint8 or qint32, got ${dtype}`);
  }
  const { qmin, qmax } = QUANTIZED_DTYPES[dtype];
  const result = { scales: Float32Array.from(scales), zeroPoints: Int32Array.from(zeroPoints) };
  for (const scale of result.scales) {
    if (!(scale > 0 && scale < Number.POSITIVE_INFINITY)) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${where}] a scale must be positive and finite in float32, got ${scale}`,
      );
    }
  }
  for (const zeroPoint of Array.from(zeroPoints)) {
    if (!Number.isInteger(zeroPoint) || zeroPoint < qmin || zeroPoint > qmax) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${where}] a zero point of ${dtype} must be an integer from ${qmin} to ${qmax}, got ${zeroPoint}`,
      );
    }
  }
  return result;
}
