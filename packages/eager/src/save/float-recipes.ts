import { nn } from '@octavo/core';
import type { registerModule } from './module-registry.js';

const nothing = (): null => null;

/** @internal Activations with parameters, norms of channels, and attention. */
export function registerFloatModules(register: typeof registerModule): void {
  register(nn.ReLU6, { config: nothing, build: () => new nn.ReLU6() });
  register(nn.Hardswish, { config: nothing, build: () => new nn.Hardswish() });
  register(nn.Hardsigmoid, { config: nothing, build: () => new nn.Hardsigmoid() });
  register(nn.SiLU, { config: nothing, build: () => new nn.SiLU() });
  register(nn.LogSoftmax, { config: ({ dim }) => ({ dim }), build: ({ dim }) => new nn.LogSoftmax(dim) });
  register(nn.ELU, { config: ({ alpha }) => ({ alpha }), build: ({ alpha }) => new nn.ELU(alpha) });
  register(nn.CELU, { config: ({ alpha }) => ({ alpha }), build: ({ alpha }) => new nn.CELU(alpha) });
  register(nn.LeakyReLU, {
    config: ({ negativeSlope }) => ({ negativeSlope }),
    build: ({ negativeSlope }) => new nn.LeakyReLU(negativeSlope),
  });
  register(nn.Hardtanh, {
    config: ({ minVal, maxVal }) => ({ minVal, maxVal }),
    build: ({ minVal, maxVal }) => new nn.Hardtanh(minVal, maxVal),
  });
  register(nn.GroupNorm, {
    config: ({ numGroups, numChannels, eps, weight }) => ({ numGroups, numChannels, eps, affine: weight !== null }),
    build: ({ numGroups, numChannels, ...options }) => new nn.GroupNorm(numGroups, numChannels, options),
  });
  register(nn.InstanceNorm1d, {
    config: ({ numFeatures, eps, weight }) => ({ numFeatures, eps, affine: weight !== null }),
    build: ({ numFeatures, ...options }) => new nn.InstanceNorm1d(numFeatures, options),
  });
  register(nn.InstanceNorm2d, {
    config: ({ numFeatures, eps, weight }) => ({ numFeatures, eps, affine: weight !== null }),
    build: ({ numFeatures, ...options }) => new nn.InstanceNorm2d(numFeatures, options),
  });
  register(nn.InstanceNorm3d, {
    config: ({ numFeatures, eps, weight }) => ({ numFeatures, eps, affine: weight !== null }),
    build: ({ numFeatures, ...options }) => new nn.InstanceNorm3d(numFeatures, options),
  });
  register(nn.MultiheadAttention, {
    config: ({ embedDim, numHeads, kdim, vdim, batchFirst, in_proj_bias }) => ({
      ...{ embedDim, numHeads, kdim, vdim, batchFirst, bias: in_proj_bias !== null },
    }),
    build: ({ embedDim, numHeads, ...options }) => new nn.MultiheadAttention(embedDim, numHeads, options),
  });
}
