/** Milliseconds with three significant digits in the unit that suits them; '-' for none. */
export function time(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '-';
  if (ms < 0.1) return `${significant(ms * 1000)} µs`;
  return ms < 10_000 ? `${significant(ms)} ms` : `${significant(ms / 1000)} s`;
}

/** How many times faster: `slower / faster`. */
export function times(slower: number | null | undefined, faster: number | null | undefined): string {
  return slower && faster ? `${(slower / faster).toFixed(2)}x` : '-';
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '-' : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
