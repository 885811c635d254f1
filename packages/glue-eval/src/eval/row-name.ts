import type { ModeResult } from './evaluation.js';

/** `eager perRow`: what a row is called in progress, charts and headings. */
export function rowName({ mode, qconfig }: Pick<ModeResult, 'mode' | 'qconfig'>): string {
  return qconfig === null ? mode : `${mode} ${qconfig}`;
}
