import { InvalidArgumentError } from 'commander';

/** `a,b,c` as a list. */
export function list(value: string): string[] {
  const items = value.split(',').map((item) => item.trim());
  if (items.some((item) => item === '')) throw new InvalidArgumentError('Expected names separated by commas.');
  return items;
}

/** An option that may be given again: its values in order. */
export function append(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

export function positiveInteger(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number) || number < 1) {
    throw new InvalidArgumentError('Expected a positive integer.');
  }
  return number;
}

export function nonNegative(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number) || number < 0) {
    throw new InvalidArgumentError('Expected a number of 0 or more.');
  }
  return number;
}
