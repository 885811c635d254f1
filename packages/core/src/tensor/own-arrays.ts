import { QuantizedTensor } from './quantized-tensor.js';
import { Tensor } from './tensor.js';

export interface OwnershipOption {
  /** Takes the arrays of weight and bias over instead of copying them: for whoever made them and will not write to them. */
  readonly owned?: boolean;
}

/** A weight and bias in arrays that nobody else writes to: copies, or what is `owned`. */
export function ownArrays(
  weight: QuantizedTensor,
  bias: Tensor<'float32'> | null,
  { owned = false }: OwnershipOption,
): { weight: QuantizedTensor; bias: Tensor<'float32'> | null } {
  if (owned) return { weight, bias };
  const { scales, zeroPoints, axis, dims } = weight;
  const codes = new Tensor('int8', (weight.values.raw.data as Int8Array).slice(), dims);
  return {
    weight: new QuantizedTensor('qint8', codes, { scales: scales.slice(), zeroPoints: zeroPoints.slice(), axis }),
    bias: bias && new Tensor('float32', bias.raw.data.slice(), bias.raw.dims),
  };
}
