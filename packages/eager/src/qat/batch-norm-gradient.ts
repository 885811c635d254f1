import type { nn, Tensor } from '@octavo/core';
import { type ChannelLayout, mapByChannel, parameterOf, sumByChannel } from './by-channel.js';

/** Gradients of a batch norm's input, weight and bias. */
export interface BatchNormGradients {
  readonly input: Tensor<'float32'>;
  readonly weight: Tensor<'float32'>;
  readonly bias: Tensor<'float32'>;
}

/**
 * The gradients of y = gamma x̂ + beta with x̂ = (x - mean) r, r = 1 / sqrt(variance + eps) of the batch (Ioffe and
 * Szegedy 2015): dgamma = sum dy x̂, dbeta = sum dy, dx = gamma r (dy - dbeta / n - x̂ dgamma / n), sums over a
 * channel's n values.
 */
export function batchNormGradients(
  { eps, weight }: nn.BatchNorm,
  x: Tensor,
  gradient: Tensor,
  layout: ChannelLayout,
): BatchNormGradients {
  const n = x.raw.data.length / layout.channels;
  const means = sumByChannel(x, layout).map((sum) => sum / n);
  const mean = (channel: number): number => means[channel] as number;
  const variances = sumByChannel(x, layout, (value, c) => (value - mean(c)) ** 2).map((sum) => sum / n);
  const inverses = variances.map((variance) => 1 / Math.sqrt(variance + eps));
  const values = x.raw.data as Float32Array;
  const normalized = (c: number, i: number): number => ((values[i] as number) - mean(c)) * (inverses[c] as number);
  const biases = sumByChannel(gradient, layout);
  const weights = sumByChannel(gradient, layout, (value, c, i) => value * normalized(c, i));
  const gammas = weight?.raw.data as Float32Array | undefined;
  const input = mapByChannel(gradient, layout, (value, c, i) => {
    const centred = value - (biases[c] as number) / n - (normalized(c, i) * (weights[c] as number)) / n;
    return (gammas?.[c] ?? 1) * (inverses[c] as number) * centred;
  });
  return { input, weight: parameterOf(weights), bias: parameterOf(biases) };
}
