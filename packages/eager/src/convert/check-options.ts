import { didYouMean, OctavoError } from '@octavo/core';

/** Refuses options that are no object of known names: one that is overlooked would change nothing, silently. */
export function checkOptions(where: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `[${where}] unknown option '${unknown}' (known: ${known.join(', ')})${didYouMean(unknown, known)}`,
  );
}
