import { cloneModule, foldBatchNorm, type nn, OctavoError } from '@octavo/core';

/** A copy of a convolution or linear that has the batch norm behind it in its weight and bias. */
export function withBatchNormFolded<M extends nn.ConvNd | nn.Linear>(module: M, bn: nn.BatchNorm): M {
  const base = cloneModule<nn.ConvNd | nn.Linear>(module);
  const transposed = 'transposed' in base && base.transposed;
  if (transposed && base.groups !== 1) {
    throw new OctavoError(
      'UNSUPPORTED',
      `a batch norm folds into a transposed convolution without groups only, this one has ${base.groups}; leave the two unfused`,
    );
  }
  const { running_mean: mean, running_var: variance, weight: gamma, bias: beta, eps } = bn;
  const channelAxis = transposed ? 1 : 0;
  const { weight, bias } = foldBatchNorm(base.weight, base.bias, { mean, variance, gamma, beta, eps }, { channelAxis });
  base.weight = weight;
  base.bias = bias;
  return base as M;
}
