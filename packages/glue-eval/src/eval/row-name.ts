import type { ModeResult } from './evaluation.js';

interface RowId extends Pick<ModeResult, 'mode' | 'qconfig'> {
  readonly reloaded?: unknown;
}

/** `eager perRow`, `eager fbgemm reloaded`: what a row is called in progress, charts and headings. */
export function rowName({ mode, qconfig, reloaded }: RowId): string {
  return [mode, ...(qconfig === null ? [] : [qconfig]), ...(reloaded ? ['reloaded'] : [])].join(' ');
}
