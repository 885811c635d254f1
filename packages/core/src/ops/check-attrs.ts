import { OctavoError } from '../errors.js';
import type { AttrKind, Attrs, OpDef } from './op-def.js';

/** Attributes that are on or off: kernels and references test them in different ways. */
const FLAGS: ReadonlySet<string> = new Set([
  'alignCorners',
  'ceilMode',
  'channelsLast',
  'countIncludePad',
  'includeLastOffset',
  'inputForget',
  'keepDim',
  'keepdim',
  'linearBeforeReset',
  'nchw',
  'reduceRange',
  'relu',
  'reverse',
]);

/** Refuses an attribute that is not of its kind in the op table; which ones an op needs is its shape rule's to say. */
export function checkAttrs({ name, attrs: kinds }: OpDef, attrs: Attrs): void {
  for (const key in kinds) {
    const value = attrs[key];
    const kind = kinds[key] as AttrKind;
    if (value === undefined || isUsual(key, kind, value)) continue;
    const expected = expectedOf(key, kind, value);
    if (expected === null) continue;
    throw new OctavoError('INVALID_ARGUMENT', `[${name}] attribute '${key}' must be ${expected}, got ${String(value)}`);
  }
}

/** True for numbers that are surely right: each call of an op comes by here. */
function isUsual(key: string, kind: AttrKind, value: Attrs[string]): boolean {
  if (typeof value !== 'number' || (kind !== 'int' && kind !== 'float')) return false;
  return value === 0 || value === 1 || (!FLAGS.has(key) && (kind === 'float' || Number.isSafeInteger(value)));
}

/** What a value should have been; null where it is right. */
function expectedOf(key: string, kind: AttrKind, value: Attrs[string]): string | null {
  if (FLAGS.has(key)) return value === 0 || value === 1 ? null : '0 or 1';
  if (kind === 'float') return typeof value === 'number' ? null : 'a number';
  if (kind === 'int') return Number.isSafeInteger(value) ? null : 'an integer';
  if (kind === 'floats') {
    return Array.isArray(value) && value.every((each) => typeof each === 'number') ? null : 'a list of numbers';
  }
  return Array.isArray(value) && value.every(Number.isSafeInteger) ? null : 'a list of integers';
}
