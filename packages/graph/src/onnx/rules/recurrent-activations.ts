import { RECURRENT_ACTIVATIONS } from '@octavo/core';
import type { RuleContext } from '../../import/rule.js';

export type ActivationName = keyof typeof RECURRENT_ACTIVATIONS;

/** Attributes of core's recurrent ops: a code and its parameters for each function of each direction. */
export interface RecurrentActivations {
  readonly activations: readonly number[];
  readonly alpha?: readonly number[];
  readonly beta?: readonly number[];
}

/** Parameters where a node gives none: those of the operators of the same names. */
export const ACTIVATION_PARAMETERS: Readonly<
  Partial<Record<ActivationName, { readonly alpha: number; readonly beta?: number }>>
> = {
  Affine: { alpha: 1, beta: 0 },
  LeakyRelu: { alpha: 0.01 },
  ThresholdedRelu: { alpha: 1 },
  ScaledTanh: { alpha: 1, beta: 1 },
  HardSigmoid: { alpha: 0.2, beta: 0.5 },
  Elu: { alpha: 1 },
};

const NAMES = Object.keys(RECURRENT_ACTIVATIONS) as ActivationName[];

/**
 * The activations of a recurrent operator. Functions that have parameters take them from the lists `activation_alpha` and
 * `activation_beta` in their order; the others take none.
 */
export function activationsOf(
  n: RuleContext,
  defaults: readonly ActivationName[],
  directions: number,
): RecurrentActivations {
  const given = n.texts('activations');
  const names = given.length > 0 ? given.map((name) => known(n, name)) : times(defaults, directions);
  if (names.length !== directions * defaults.length)
    throw n.fault(`${names.length} activations for ${directions} directions`);
  const lists = { alpha: [...n.list('activation_alpha', [])], beta: [...n.list('activation_beta', [])] };
  const parameters = (which: 'alpha' | 'beta') => {
    if (names.every((name) => ACTIVATION_PARAMETERS[name]?.[which] === undefined)) return {};
    const numbers = names.map((name) => {
      const otherwise = ACTIVATION_PARAMETERS[name]?.[which];
      return otherwise === undefined ? 0 : (lists[which].shift() ?? otherwise);
    });
    return { [which]: numbers };
  };
  const activations = names.map((name) => RECURRENT_ACTIVATIONS[name]);
  return { activations, ...parameters('alpha'), ...parameters('beta') };
}

/** ONNX Runtime reads names without regard to case. */
function known(n: RuleContext, name: string): ActivationName {
  const found = NAMES.find((each) => each.toLowerCase() === name.toLowerCase());
  if (found === undefined) throw n.unsupported(`the activation ${name}`);
  return found;
}

function times<T>(list: readonly T[], count: number): T[] {
  return Array.from({ length: count }, () => list).flat();
}
