import { nn } from '@octavo/core';
import type { ModuleClass } from '../convert/module-class.js';
import type { Json, registerModule } from './module-registry.js';

type PerAxis = number | readonly number[];

/** Convolutions: what their constructors take. */
const CONVS = [nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d];
const BATCH_NORMS = [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d];
const MAX_POOLS = [nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d];
const AVG_POOLS = [nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d];
const ADAPTIVE_POOLS = [nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d];
const ZERO_PADS = [nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d];

/** @internal Convolutions, batch norms, pools and what changes shapes. */
export function registerSpatialModules(register: typeof registerModule): void {
  for (const Conv of CONVS) {
    register(Conv as ModuleClass<nn.ConvNd>, {
      config: ({
        inChannels,
        outChannels,
        kernel,
        stride,
        padding,
        dilation,
        groups,
        outputPadding,
        transposed,
        bias,
      }) => ({
        ...{ inChannels, outChannels, kernel, stride, padding, dilation, groups, bias: bias !== null },
        ...(transposed && { outputPadding }),
      }),
      build: ({ inChannels, outChannels, kernel, ...options }) => new Conv(inChannels, outChannels, kernel, options),
    });
  }
  for (const BatchNorm of BATCH_NORMS) {
    register(BatchNorm as ModuleClass<nn.BatchNorm>, {
      config: ({ numFeatures, eps, momentum, weight }) => ({ numFeatures, eps, momentum, affine: weight !== null }),
      build: ({ numFeatures, ...options }) => new BatchNorm(numFeatures, options),
    });
  }
  for (const Pool of MAX_POOLS) {
    register(Pool as ModuleClass<nn.MaxPool2d>, {
      config: ({ kernel, stride, padding, dilation, ceilMode }) => ({ kernel, stride, padding, dilation, ceilMode }),
      build: ({ kernel, ...options }) => new Pool(kernel, options),
    });
  }
  for (const Pool of AVG_POOLS) {
    register(Pool as ModuleClass<nn.AvgPool2d>, {
      config: ({ kernel, stride, padding, ceilMode, countIncludePad, divisorOverride }) => ({
        ...{ kernel, stride, padding, ceilMode, countIncludePad, divisorOverride },
      }),
      build: ({ kernel, ...options }) => new Pool(kernel, options),
    });
  }
  for (const Pool of ADAPTIVE_POOLS) {
    register<nn.AdaptiveAvgPool2d, { readonly outputSize: PerAxis } & Json>(Pool as ModuleClass<nn.AdaptiveAvgPool2d>, {
      config: ({ outputSize }) => ({ outputSize }),
      build: ({ outputSize }) => new Pool(outputSize),
    });
  }
  for (const Pad of ZERO_PADS) {
    register<nn.ZeroPad2d, { readonly padding: readonly number[] } & Json>(Pad as ModuleClass<nn.ZeroPad2d>, {
      config: ({ padding }) => ({ padding }),
      build: ({ padding }) => new Pad(padding),
    });
  }
  register(nn.Upsample, {
    config: ({ size, scaleFactor, mode, alignCorners }) => ({ size, scaleFactor, mode, alignCorners }),
    build: ({ size, scaleFactor, mode, alignCorners }) =>
      new nn.Upsample({
        ...(size !== null && { size }),
        ...(scaleFactor !== null && { scaleFactor }),
        mode,
        alignCorners,
      }),
  });
  register(nn.Flatten, {
    config: ({ startDim, endDim }) => ({ startDim, endDim }),
    build: ({ startDim, endDim }) => new nn.Flatten(startDim, endDim),
  });
  register(nn.Identity, { config: () => null, build: () => new nn.Identity() });
}
