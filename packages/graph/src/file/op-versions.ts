/**
 * Versions of ops whose meaning has changed since the first release. A file says which version of each op it was
 * saved with; a reader that knows only an older one refuses it.
 */
const CHANGED: Readonly<Record<string, number>> = {};

export function opVersion(op: string): number {
  return Object.hasOwn(CHANGED, op) ? (CHANGED[op] as number) : 1;
}
