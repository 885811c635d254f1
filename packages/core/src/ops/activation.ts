import { OctavoError } from '../errors.js';
import { gelu, geluTanh } from '../numerics/elementary.js';
import type { Attrs } from './op-def.js';

/** Activations that a float linear or convolution may apply in its epilogue. The codes are the native ABI's: append-only. */
export const ACTIVATIONS = {
  none: { code: 0, apply: (x: number): number => x },
  // NaN and -0 pass, as they do through the vector instruction for max(0, x).
  relu: { code: 1, apply: (x: number): number => (0 > x ? 0 : x) },
  gelu: { code: 2, apply: gelu },
  // min(6, max(0, x)) by the same instructions: NaN and -0 pass here as well.
  relu6: { code: 3, apply: (x: number): number => (0 > x ? 0 : 6 < x ? 6 : x) },
  geluTanh: { code: 4, apply: geluTanh },
} as const;

export type ActivationName = keyof typeof ACTIVATIONS;

const BY_CODE = Object.values(ACTIVATIONS).map(({ apply }) => apply);

/** The function of an `activation` attribute. */
export function activationOf(code: number): (x: number) => number {
  return BY_CODE[code] as (x: number) => number;
}

/** Refuses an `activation` attribute that is no code of `ACTIVATIONS`. */
export function checkActivation(op: string, attrs: Attrs): void {
  const code = attrs.activation ?? ACTIVATIONS.none.code;
  if (typeof code === 'number' && BY_CODE[code] !== undefined) return;
  const known = Object.entries(ACTIVATIONS).map(([name, { code }]) => `${code} (${name})`);
  throw new OctavoError('INVALID_ARGUMENT', `[${op}] activation must be ${known.join(', ')}, got ${String(code)}`);
}
