import { defaultGenerator } from '../random.js';
import { type Dims, sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';

// First values of parameters, distributed as PyTorch's: torch/nn/init.py and each module's reset_parameters.

let skipping = false;

/** Builds modules with zeros for weights, in no time: for models whose state dict is loaded next. */
export function skipInit<M>(build: () => M): M {
  const before = skipping;
  skipping = true;
  try {
    return build();
  } finally {
    skipping = before;
  }
}

function filled(dims: Dims, draw: () => number): Tensor<'float32'> {
  const tensor = Tensor.zeros(dims);
  if (skipping) return tensor;
  const { data } = tensor.raw;
  for (let i = 0; i < sizeOf(dims); i++) data[i] = draw();
  return tensor;
}

/** float32, uniform in [-bound, bound). */
export function uniform(dims: Dims, bound: number): Tensor<'float32'> {
  return filled(dims, () => defaultGenerator.uniform(-bound, bound));
}

/** float32, normal with mean 0 and deviation 1. */
export function normal(dims: Dims): Tensor<'float32'> {
  return filled(dims, () => defaultGenerator.normal());
}

/** float32, ones. */
export function ones(dims: Dims): Tensor<'float32'> {
  return filled(dims, () => 1);
}
