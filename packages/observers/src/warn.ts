/** Warnings by code and text that were given already: each is given once. */
const given = new Set<string>();

/** A warning through `process.emitWarning`, once for each text; nothing where there is no `process` (browsers). */
export function warnOnce(code: `OCTAVO_W_${string}`, message: string): void {
  const key = `${code} ${message}`;
  if (given.has(key)) return;
  given.add(key);
  globalThis.process?.emitWarning?.(message, { code, type: 'OctavoWarning' });
}
