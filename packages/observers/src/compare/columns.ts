import type { ComparisonRow } from './comparison.js';

/** One column of a comparison, for terminals and for HTML. */
export interface ComparisonColumn {
  readonly title: string;
  readonly align: 'left' | 'right';
  cell(row: ComparisonRow): string;
}

export const COMPARISON_COLUMNS: readonly ComparisonColumn[] = [
  { title: 'name', align: 'left', cell: ({ name }) => (name === '' ? '(model)' : name) },
  { title: 'op', align: 'left', cell: ({ op = '' }) => op },
  { title: 'compared', align: 'left', cell: ({ kind }) => kind },
  { title: 'SQNR dB', align: 'right', cell: ({ sqnr }) => decibels(sqnr) },
  { title: 'cosine', align: 'right', cell: ({ cosine }) => cosine.toFixed(6) },
  { title: 'max error', align: 'right', cell: ({ maxAbsError }) => shortNumber(maxAbsError) },
  { title: 'float range', align: 'right', cell: ({ float }) => range(float) },
];

/** `33.1`, or `equal` where no bit of noise is. */
export function decibels(sqnr: number): string {
  return sqnr === Number.POSITIVE_INFINITY ? 'equal' : sqnr.toFixed(1);
}

function range(stats: ComparisonRow['float']): string {
  return stats === undefined ? '' : `${shortNumber(stats.min)} to ${shortNumber(stats.max)}`;
}

/** About three digits: `0.0123`, `4.56`, `1.2e-7`. */
function shortNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}
