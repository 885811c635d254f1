import { Generator, type nn, type Tensor } from '@octavo/core';

/**
 * Weights for a model that has none, the same for every run of a seed, as torchvision starts its classifiers:
 * convolutions normal with deviation sqrt(2 / fan out) (He et al. 2015), linears uniform in +-1 / sqrt(fan in), norms
 * that change nothing. Changes the model's tensors in place.
 */
export function fillRandom(model: nn.Module, seed: number): void {
  const random = new Generator(seed);
  for (const [name, tensor] of Object.entries(model.stateDict()) as [string, Tensor<'float32'>][]) {
    const { data, dims } = tensor;
    const draw = drawOf(name.slice(name.lastIndexOf('.') + 1), dims, random);
    for (let i = 0; i < data.length; i++) data[i] = draw();
  }
}

function drawOf(parameter: string, dims: readonly number[], random: Generator): () => number {
  const [out = 1, fanIn = 1, ...kernel] = dims;
  if (parameter === 'weight' && dims.length > 2) {
    const deviation = Math.sqrt(2 / (out * kernel.reduce((product, size) => product * size, 1)));
    return () => random.normal() * deviation;
  }
  if (parameter === 'weight' && dims.length === 2) {
    const bound = 1 / Math.sqrt(fanIn);
    return () => random.uniform(-bound, bound);
  }
  const constant = parameter === 'weight' || parameter === 'running_var' ? 1 : 0;
  return () => constant;
}
