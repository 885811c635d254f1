import { gelu } from '../numerics/elementary.js';

/** Activations that a linear may apply in its epilogue. The codes are the native ABI's: append-only. */
export const ACTIVATIONS = {
  none: { code: 0, apply: (x: number): number => x },
  // NaN and -0 pass, as they do through the vector instruction for max(0, x).
  relu: { code: 1, apply: (x: number): number => (0 > x ? 0 : x) },
  gelu: { code: 2, apply: gelu },
} as const;

export type ActivationName = keyof typeof ACTIVATIONS;

const BY_CODE = Object.values(ACTIVATIONS).map(({ apply }) => apply);

/** The function of an `activation` attribute. */
export function activationOf(code: number): (x: number) => number {
  return BY_CODE[code] as (x: number) => number;
}
