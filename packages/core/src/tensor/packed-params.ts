import { ConvPackedParams } from './conv-packed-params.js';
import { LinearPackedParams } from './linear-packed-params.js';

/** Frozen weights of a quantized op: operands that are no tensors. */
export type PackedParams = LinearPackedParams | ConvPackedParams;

/** True for packed weights of any kind, of any copy of this package. */
export function isPackedParams(value: unknown): value is PackedParams {
  return LinearPackedParams.is(value) || ConvPackedParams.is(value);
}
