import { dispatch, opByName, Tensor, withRecorder } from '@octavo/core';

// What int8 does to a linear, in float: to choose by.

/** x weight^T on the active backend: x [rows, in], weight [out, in]. */
export function product(x: Tensor, weight: Tensor): Tensor<'float32'> {
  return withRecorder(null, () => dispatch(opByName('aten::linear'), [x, weight, null]))[0] as Tensor<'float32'>;
}

/** What codes of activations have one range for. */
export type Ranges = 'tensor' | 'row';

/**
 * The squared error of x weight^T where x has uint8 codes over its whole range, or over that of each row, and weight
 * int8 codes, symmetric, with a scale for each output.
 */
export function linearError(x: Tensor<'float32'>, weight: Tensor<'float32'>, ranges: Ranges): number {
  const float = product(x, weight).raw.data;
  const int8 = product(roundedToCodes(x, ranges), roundedRows(weight)).raw.data;
  let error = 0;
  for (let i = 0; i < float.length; i++) error += ((float[i] as number) - (int8[i] as number)) ** 2;
  return error;
}

function roundedToCodes({ raw: { data, dims } }: Tensor<'float32'>, ranges: Ranges): Tensor<'float32'> {
  const run = ranges === 'row' ? (dims.at(-1) as number) : data.length;
  const rounded = new Float32Array(data.length);
  for (let start = 0; start < data.length; start += run) {
    let [min, max] = [0, 0];
    const part = data.subarray(start, start + run);
    for (const x of part) [min, max] = [Math.min(min, x), Math.max(max, x)];
    const scale = (max - min) / 255 || 1;
    const zeroPoint = Math.round(-min / scale);
    part.forEach((x, i) => {
      rounded[start + i] = (Math.min(255, Math.max(0, zeroPoint + Math.round(x / scale))) - zeroPoint) * scale;
    });
  }
  return new Tensor('float32', rounded, dims);
}

function roundedRows({ raw: { data, dims } }: Tensor<'float32'>): Tensor<'float32'> {
  const width = dims[1] as number;
  const rounded = new Float32Array(data.length);
  for (let start = 0; start < data.length; start += width) {
    let largest = 0;
    for (let i = start; i < start + width; i++) largest = Math.max(largest, Math.abs(data[i] as number));
    const scale = largest / 127.5 || 1;
    for (let i = start; i < start + width; i++) {
      rounded[i] = Math.max(-128, Math.min(127, Math.round((data[i] as number) / scale))) * scale;
    }
  }
  return new Tensor('float32', rounded, dims);
}
