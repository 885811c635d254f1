import { widenFloat16Array } from '../numerics/float16.js';
import { Tensor } from '../tensor/tensor.js';

/** float16 tensors as float32, which is exact; all others stay as they are. Takes one tensor or a state dict. */
export function widenFloat16(tensor: Tensor): Tensor;
export function widenFloat16(state: Readonly<Record<string, Tensor>>): Record<string, Tensor>;
export function widenFloat16(value: Tensor | Readonly<Record<string, Tensor>>): Tensor | Record<string, Tensor> {
  if (Tensor.is(value)) return widened(value);
  return Object.fromEntries(Object.entries(value).map(([name, tensor]) => [name, widened(tensor)]));
}

function widened(tensor: Tensor): Tensor {
  if (tensor.type !== 'float16') return tensor;
  return new Tensor('float32', widenFloat16Array((tensor as Tensor<'float16'>).raw.data), tensor.raw.dims);
}
