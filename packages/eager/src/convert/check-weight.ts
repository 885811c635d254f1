import { formatDims, OctavoError, type Tensor } from '@octavo/core';

/** The values of a float32 weight; another dtype, NaN and infinities are refused, as a weight with them is broken. */
export function finiteWeight(name: string, weight: Tensor): Float32Array {
  if (weight.type !== 'float32') {
    throw new OctavoError(
      'INVALID_DTYPE',
      `${name}: expected float32, got ${weight.type} ${formatDims(weight.raw.dims)}; convert it with F.to(weight, 'float32')`,
    );
  }
  const { data } = (weight as Tensor<'float32'>).raw;
  const at = data.findIndex((x) => !Number.isFinite(x));
  if (at < 0) return data;
  throw new OctavoError(
    'INVALID_DATA',
    `${name}: element ${at} is ${data[at]}; a weight must be finite to be quantized. Check the file it was loaded from, or ` +
      'keep this module float with null in the qconfig map',
  );
}
