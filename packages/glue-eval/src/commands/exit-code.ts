import { isOctavoError, type OctavoErrorCode } from '@octavo/core';

/** What the process returns. */
export const EXIT = { done: 0, failed: 1, badInput: 2, aborted: 130 } as const;

/** Errors that the user's command line, files or data cause; all others mean that the run itself failed. */
const BAD_INPUT: ReadonlySet<OctavoErrorCode> = new Set([
  'INVALID_ARGUMENT',
  'INVALID_DTYPE',
  'INVALID_DATA',
  'INVALID_FILE',
  'FILE_NOT_FOUND',
  'UNKNOWN_NAME',
  'STATE_DICT_MISMATCH',
  'UNSUPPORTED',
  'SHAPE_FIXED_BY_TRACE',
]);

export function exitCodeOf(error: unknown): number {
  if (!isOctavoError(error)) return EXIT.failed;
  if (error.code === 'ABORTED') return EXIT.aborted;
  return BAD_INPUT.has(error.code) ? EXIT.badInput : EXIT.failed;
}

/** The one line for standard error. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error || isOctavoError(error) ? error.message : String(error);
  const line = message.replace(/\s*\n\s*/g, ' ');
  if (isOctavoError(error)) return error.code === 'ABORTED' ? 'interrupted; nothing was written' : line;
  return `the run failed unexpectedly: ${line} (OCTAVO_DEBUG=1 shows where)`;
}
