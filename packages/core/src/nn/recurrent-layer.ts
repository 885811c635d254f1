import * as F from '../functional.js';
import type { Tensor } from '../tensor/tensor.js';
import { uniform } from './init.js';
import type { RecurrentMode } from './recurrent-modes.js';

/** What one direction of one recurrent layer applies, each linear with its bias; float32 in and out. */
export interface RecurrentLayer {
  /** x [..., in] -> [..., gates * hidden]; a whole sequence goes in at once. */
  input(x: Tensor): Tensor;
  /** h [batch, out] -> [batch, gates * hidden], step by step. */
  hidden(h: Tensor): Tensor;
  /** h [batch, hidden] -> [batch, projection], after each step, where there is a projection. */
  project?(h: Tensor): Tensor;
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

/** The float linears over the parameters of a suffix. */
export function floatLayer(parameters: RecurrentParameters, suffix: string): RecurrentLayer {
  const linear = (name: 'ih' | 'hh' | 'hr') => (x: Tensor) =>
    F.linear(x, parameters[`weight_${name}${suffix}`] as Tensor, parameters[`bias_${name}${suffix}`]);
  const layer = { input: linear('ih'), hidden: linear('hh') };
  return `weight_hr${suffix}` in parameters ? { ...layer, project: linear('hr') } : layer;
}
