import { didYouMean, OctavoError } from '@octavo/core';

/** The error for a name that is not in a table: `unknown task 'mprc'; did you mean 'mrpc'? Known: mrpc`. */
export function unknownName(what: string, name: string, known: readonly string[]): OctavoError {
  return new OctavoError(
    'UNKNOWN_NAME',
    `unknown ${what} '${name}'${didYouMean(name, known) || ';'} Known: ${known.join(', ')}`,
    {
      details: { name, known },
    },
  );
}
