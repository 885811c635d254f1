import { OctavoError, QuantizedTensor, Tensor, widenFloat16Array } from '@octavo/core';

/** What metrics compare: float tensors, quantized tensors (as the reals they stand for), plain numbers. */
export type Comparable = Tensor | QuantizedTensor | ArrayLike<number>;

/** Both sides of a comparison as numbers, of one length. */
export function comparedValues(metric: string, x: Comparable, y: Comparable): [ArrayLike<number>, ArrayLike<number>] {
  const pair: [ArrayLike<number>, ArrayLike<number>] = [valuesOf(metric, x), valuesOf(metric, y)];
  if (pair[0].length !== pair[1].length) {
    throw new OctavoError(
      'INVALID_SHAPE',
      `[${metric}] expected two tensors of one size, got ${pair[0].length} and ${pair[1].length} elements`,
    );
  }
  return pair;
}

/** The elements of one side as numbers. */
export function valuesOf(metric: string, value: Comparable): ArrayLike<number> {
  if (QuantizedTensor.is(value)) return realsOf(value);
  if (!Tensor.is(value)) return value;
  if (value.type === 'float16') return widenFloat16Array(value.raw.data as Uint16Array);
  if (value.type === 'int64') {
    throw new OctavoError('INVALID_DTYPE', `[${metric}] expected float32 values, got int64; convert them first`);
  }
  return value.data as ArrayLike<number>;
}

/** (code - zeroPoint) * scale of every element, rounded to float32 as dequantizing does. */
function realsOf({ values, scales, zeroPoints, axis, dims }: QuantizedTensor): Float32Array {
  const codes = values.data as ArrayLike<number>;
  const channels = scales.length;
  const inner = axis === null ? codes.length : dims.slice(axis + 1).reduce((size, dim) => size * dim, 1);
  return Float32Array.from(codes, (code, i) => {
    const channel = axis === null ? 0 : Math.floor(i / inner) % channels;
    return (code - (zeroPoints[channel] as number)) * (scales[channel] as number);
  });
}
