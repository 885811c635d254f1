import { Generator } from '../src/random.js';
import { type Dims, sizeOf } from '../src/tensor/shape.js';
import { Tensor } from '../src/tensor/tensor.js';

/** float32 normal values, the same for the same seed. */
export function randomTensor(dims: Dims, seed: number): Tensor<'float32'> {
  const generator = new Generator(seed);
  return new Tensor(
    'float32',
    Float32Array.from({ length: sizeOf(dims) }, () => generator.normal()),
    dims,
  );
}
