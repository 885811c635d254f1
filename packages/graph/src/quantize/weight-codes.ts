import type { QuantizedTensor, Tensor } from '@octavo/core';

// Codes of weights that were quantized to find their scales, by the scale's tensor. Packing takes them from here
// instead of quantizing every weight a second time; a graph that was loaded has none, and computes them.
const codesByScale = new WeakMap<Tensor, { weight: Tensor; codes: QuantizedTensor }>();

export function rememberCodes(weight: Tensor, scale: Tensor, codes: QuantizedTensor): void {
  codesByScale.set(scale, { weight, codes });
}

/** The codes of `weight` by `scale`, if they were computed before. */
export function rememberedCodes(weight: Tensor, scale: Tensor): QuantizedTensor | undefined {
  const known = codesByScale.get(scale);
  return known?.weight === weight ? known.codes : undefined;
}
