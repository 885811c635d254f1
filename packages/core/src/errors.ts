/**
 * Every code an `OctavoError` can carry. Append-only: callers match on these strings.
 * `docs/error-codes.md` says what each means and what to do.
 */
export type OctavoErrorCode =
  | 'INVALID_ARGUMENT'
  | 'INVALID_DTYPE'
  | 'INVALID_SHAPE'
  | 'INVALID_DATA'
  | 'INVALID_FILE'
  | 'FILE_NOT_FOUND'
  | 'UNKNOWN_NAME'
  | 'STATE_DICT_MISMATCH'
  | 'UNSUPPORTED'
  | 'TRACE_FAILED'
  | 'SHAPE_FIXED_BY_TRACE'
  | 'FROZEN'
  | 'NOT_CALIBRATED'
  | 'DISPOSED'
  | 'ABORTED'
  | 'BACKEND_UNAVAILABLE'
  | 'NATIVE_FAILED';

export interface OctavoErrorOptions {
  /** Machine-readable facts: names, shapes, paths. */
  details?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

const BRAND = Symbol.for('@octavo/OctavoError.v1');

/** The one error class. Its message names the place, what was expected, what came, and the remedy. */
export class OctavoError extends Error {
  readonly code: OctavoErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: OctavoErrorCode, message: string, options: OctavoErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OctavoError';
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** True for an `OctavoError` of any copy of this package (ESM and CJS copies have different classes). */
export function isOctavoError(value: unknown): value is OctavoError {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/** The entry of `known` nearest to `name` by edit distance, or undefined when nothing is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(3, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name, candidate, bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `; did you mean 'x'?` or an empty string: the tail of an unknown-name message. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? '' : `; did you mean '${nearest}'?`;
}

/** Levenshtein distance, given up (returning `limit`) once it cannot stay below `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, (previous[j] as number) + 1, (row[j - 1] as number) + 1));
    }
    if (Math.min(...row) >= limit) return limit;
    previous = row;
  }
  return previous[b.length] as number;
}
