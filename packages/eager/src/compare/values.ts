import { dequantize, QuantizedTensor, Tensor } from '@octavo/core';

type Real = Tensor | QuantizedTensor;

/**
 * The tensors of a module's result that metrics compare, with the place where each stands: '' for a result that is one
 * tensor, `[1][0]` for h in an LSTM's [output, [h, c]], `.logits` in a record. Ids and masks are left out.
 */
export function realsIn(result: unknown, place = ''): [place: string, value: Real][] {
  if (QuantizedTensor.is(result)) return [[place, result]];
  if (Tensor.is(result)) return result.type === 'float32' || result.type === 'float16' ? [[place, result]] : [];
  if (Array.isArray(result)) return result.flatMap((each, i) => realsIn(each, `${place}[${i}]`));
  if (typeof result !== 'object' || result === null) return [];
  return Object.entries(result).flatMap(([key, each]) => realsIn(each, `${place}.${key}`));
}

/** Arguments with floats in place of codes, in lists as well: what a float module takes. */
export function dequantized(value: unknown): unknown {
  if (QuantizedTensor.is(value)) return dequantize(value);
  return Array.isArray(value) ? value.map(dequantized) : value;
}
