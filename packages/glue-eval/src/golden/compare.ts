import type { GoldenCase, GoldenValue } from './golden-case.js';
import { numbersOf } from './qparams.js';

/** What came of one case. */
export type Outcome =
  | { readonly kind: 'exact' }
  /** Not all bits are equal, but no difference passes what the case allows. */
  | { readonly kind: 'close'; readonly difference: number }
  | { readonly kind: 'failed'; readonly difference: number; readonly why: string };

/** Compares every computed role that the case stores. A case that shares no role with what was computed has failed. */
export function compareCase(golden: GoldenCase, computed: Readonly<Record<string, GoldenValue>>): Outcome {
  let largest = 0;
  let compared = 0;
  for (const [role, got] of Object.entries(computed)) {
    const target = targetOf(golden, role);
    if (target === null) continue;
    compared++;
    const difference = differenceOf(got, target.value);
    if (difference > target.tolerance) return { kind: 'failed', difference, why: describe(role, got, target.value) };
    const tooMany = mismatchesBeyond(golden, role, got, target.value);
    if (tooMany !== null) return { kind: 'failed', difference, why: tooMany };
    largest = Math.max(largest, difference);
  }
  if (compared === 0) return { kind: 'failed', difference: 0, why: 'none of the stored outputs was computed' };
  return largest === 0 ? { kind: 'exact' } : { kind: 'close', difference: largest };
}

/** What a role must equal, and how nearly; null where the case says nothing that may be copied. */
function targetOf(golden: GoldenCase, role: string): { value: GoldenValue; tolerance: number } | null {
  const { outputs, quirk } = golden;
  if (quirk !== undefined) {
    // PyTorch's answer overflowed: the sane one has a name of its own, and what follows from it is not stored.
    const sane = outputs[`${role}_saturated`] ?? outputs[`${role}_exact`];
    return sane === undefined ? null : { value: sane, tolerance: 0 };
  }
  const value = outputs[role];
  return value === undefined ? null : { value, tolerance: toleranceOf(golden, role) };
}

/**
 * Where PyTorch's vector loop rounds otherwise than its tail, ours is the plain formula everywhere. The case counts the
 * elements in which that one (it is named first) differs from PyTorch's: so many may differ, and no more. Null if so.
 */
function mismatchesBeyond(golden: GoldenCase, role: string, got: GoldenValue, expected: GoldenValue): string | null {
  const [allowed] = Object.values(golden.formula_mismatched_elements ?? {});
  if (golden.exact || allowed === undefined || golden.quirk !== undefined) return null;
  const [a, b] = [numbersOf(got), numbersOf(expected)];
  const count = a.filter((x, i) => distance(x, stored(expected, b[i] as number)) > 0).length;
  return count <= allowed ? null : `${role} differs in ${count} elements, expected at most ${allowed}`;
}

/** Scales and zero points are exact in every case. */
function toleranceOf({ exact, tolerance = 0, approximate = {} }: GoldenCase, role: string): number {
  for (const [prefix, allowed] of Object.entries(approximate)) if (role.startsWith(prefix)) return allowed;
  return exact || /(^|_)(scale|zero_point)s?(\.|$)/.test(role) ? 0 : tolerance;
}

/**
 * The largest absolute difference of two values; infinite where their sizes differ. 0 only for equal bits (NaN is NaN).
 */
function differenceOf(got: GoldenValue, expected: GoldenValue): number {
  if (typeof got !== 'number' && typeof expected !== 'number' && got.raw.dims.join() !== expected.raw.dims.join()) {
    return Number.POSITIVE_INFINITY;
  }
  const [a, b] = [numbersOf(got), numbersOf(expected)];
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((largest, x, i) => Math.max(largest, distance(x, stored(expected, b[i] as number))), 0);
}

/** Scales are stored as doubles that stand for their float32. */
function stored(expected: GoldenValue, value: number): number {
  return typeof expected === 'number' ? Math.fround(value) : value;
}

function distance(a: number, b: number): number {
  if (Object.is(a, b)) return 0;
  const difference = Math.abs(a - b);
  if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
  return Math.max(difference, Number.MIN_VALUE); // 0 and -0 are not the same bits.
}

function describe(role: string, got: GoldenValue, expected: GoldenValue): string {
  const [a, b] = [numbersOf(got), numbersOf(expected)];
  if (a.length !== b.length) return `${role} has ${a.length} elements, expected ${b.length}`;
  const at = a.findIndex((x, i) => distance(x, b[i] as number) > 0);
  return `${role}${a.length === 1 ? '' : ` at ${at}`} is ${a[at]}, expected ${b[at]}`;
}
