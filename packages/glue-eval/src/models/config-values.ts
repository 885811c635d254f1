import { OctavoError } from '@octavo/core';

// Values of a config.json, checked; `where` names the file and, for nested objects, the place in it.

export type Json = Readonly<Record<string, unknown>>;

export interface NumberCheck {
  readonly expected: string;
  test(value: number): boolean;
}

export const isCount: NumberCheck = {
  expected: 'a positive integer',
  test: (n) => Number.isSafeInteger(n) && n > 0,
};
export const isIndex: NumberCheck = {
  expected: 'a non-negative integer',
  test: (n) => Number.isSafeInteger(n) && n >= 0,
};
export const isRate: NumberCheck = { expected: 'a number from 0 to 1', test: (n) => n >= 0 && n <= 1 };

/** The number at `key`, or `otherwise` where the key is absent; without `otherwise` it must be there. */
export function numberOf(json: Json, key: string, where: string, check: NumberCheck, otherwise?: number): number {
  const value = json[key] ?? otherwise;
  if (typeof value === 'number' && check.test(value)) return value;
  throw invalid(key, where, check.expected, value);
}

/** The object at `key`. */
export function objectOf(json: Json, key: string, where: string): Json {
  const value = json[key];
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw invalid(key, where, 'an object', value);
}

/** The list of `length` numbers at `key`. */
export function numbersOf(json: Json, key: string, where: string, check: NumberCheck, length: number): number[] {
  const value = json[key];
  const fits = Array.isArray(value) && value.length === length;
  if (fits && value.every((item) => typeof item === 'number' && check.test(item))) return value as number[];
  throw invalid(key, where, `a list of ${length} numbers, each ${check.expected}`, value);
}

function invalid(key: string, where: string, expected: string, value: unknown): OctavoError {
  return new OctavoError('INVALID_FILE', `${where}: ${key} must be ${expected}, got ${JSON.stringify(value)}`);
}
