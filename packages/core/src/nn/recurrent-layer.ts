import * as F from '../functional.js';
import type { Tensor } from '../tensor/tensor.js';
import { uniform } from './init.js';
import type { RecurrentMode } from './recurrent-modes.js';

/** The two linears of a recurrent cell, each with its bias; float32 in and out. */
export interface RecurrentLayer {
  /** x [batch, in] -> [batch, gates * hidden]. */
  input(x: Tensor): Tensor;
  /** h [batch, hidden] -> [batch, gates * hidden]. */
  hidden(h: Tensor): Tensor;
}

/** Weights and biases of recurrent modules, under PyTorch's names: `weight_ih_l0`, `bias_hh_l1_reverse`. */
export type RecurrentParameters = { [name: `weight_${string}` | `bias_${string}`]: Tensor };

/** Sizes of one direction of one layer. */
export interface RecurrentSizes {
  readonly input: number;
  readonly hidden: number;
  /** Width of h where it is projected, else 0. */
  readonly projection?: number;
  readonly bias: boolean;
}

/**
 * New parameters of one direction of one layer, in PyTorch's order, uniform in +-1 / sqrt(hidden): weight_ih
 * [gates * hidden, in], weight_hh [gates * hidden, out], bias_ih and bias_hh [gates * hidden], weight_hr
 * [projection, hidden]. `suffix` is '_l0', '_l1_reverse', or '' in cells.
 */
export function recurrentParameters(
  { gates }: RecurrentMode,
  { input, hidden, projection = 0, bias }: RecurrentSizes,
  suffix: string,
): RecurrentParameters {
  const bound = hidden > 0 ? 1 / Math.sqrt(hidden) : 0;
  const rows = gates * hidden;
  const parameters: RecurrentParameters = {
    [`weight_ih${suffix}`]: uniform([rows, input], bound),
    [`weight_hh${suffix}`]: uniform([rows, projection || hidden], bound),
  };
  if (bias) {
    parameters[`bias_ih${suffix}`] = uniform([rows], bound);
    parameters[`bias_hh${suffix}`] = uniform([rows], bound);
  }
  if (projection > 0) parameters[`weight_hr${suffix}`] = uniform([projection, hidden], bound);
  return parameters;
}

/** The weights of a suffix, as `F.lstmLayer` takes them. */
export function floatWeights(parameters: RecurrentParameters, suffix: string): F.RecurrentWeights {
  const of = (kind: 'weight' | 'bias', name: 'ih' | 'hh' | 'hr') => parameters[`${kind}_${name}${suffix}`];
  return {
    weightIh: of('weight', 'ih') as Tensor,
    weightHh: of('weight', 'hh') as Tensor,
    biasIh: of('bias', 'ih'),
    biasHh: of('bias', 'hh'),
    weightHr: of('weight', 'hr'),
  };
}

/** The float linears of a cell. */
export function floatLayer(parameters: RecurrentParameters): RecurrentLayer {
  const { weightIh, weightHh, biasIh, biasHh } = floatWeights(parameters, '');
  return { input: (x) => F.linear(x, weightIh, biasIh), hidden: (h) => F.linear(h, weightHh, biasHh) };
}
