import { describe, expect, it } from 'vitest';
import { didYouMean, isOctavoError, nearestName, OctavoError } from '../src/errors.js';

describe('OctavoError', () => {
  it('carries a code, details and a cause', () => {
    const cause = new Error('below');
    const error = new OctavoError('INVALID_FILE', 'broken', { details: { path: 'a' }, cause });
    expect([error.name, error.code, error.details, error.cause]).toEqual([
      'OctavoError',
      'INVALID_FILE',
      { path: 'a' },
      cause,
    ]);
    expect(error).toBeInstanceOf(Error);
    expect('cause' in new OctavoError('ABORTED', 'x')).toBe(false);
  });

  it('is known across copies of the package by its brand', () => {
    const other = Object.assign(new Error('x'), { [Symbol.for('@octavo/OctavoError.v1')]: true });
    expect([isOctavoError(other), isOctavoError(new Error('x')), isOctavoError(null), isOctavoError('x')]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('nearestName', () => {
  it('finds a misspelt name and nothing far away', () => {
    const names = ['encoder.layer.0', 'encoder.layer.1', 'classifier'];
    expect(nearestName('clasifier', names)).toBe('classifier');
    expect(nearestName('encoder.layer.9', names)).toBe('encoder.layer.0');
    expect(nearestName('zzz', names)).toBeUndefined();
    expect(didYouMean('clasifier', names)).toBe("; did you mean 'classifier'?");
    expect(didYouMean('zzz', names)).toBe('');
  });
});
