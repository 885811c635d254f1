import { beforeEach, describe, expect, it } from 'vitest';
import { DimProducts } from '../../src/import/dim-products.js';

let dims: DimProducts;
beforeEach(() => {
  let count = 0;
  dims = new DimProducts(() => `?${++count}`);
});

describe('products of dims', () => {
  it('are the same symbol for the same factors, in any order', () => {
    const merged = dims.product(['batch', 4]);
    expect(merged).toBe('?1');
    expect([dims.product([4, 'batch']), dims.product([2, 'batch', 2]), dims.product(['batch', 8])]).toEqual([
      merged,
      merged,
      '?2',
    ]);
    expect([dims.product([3, 4]), dims.product(['batch', 1]), dims.product([])]).toEqual([12, 'batch', 1]);
  });

  it('come to a factor again when divided by the others', () => {
    const windows = dims.product(['batch', 4, 4]);
    expect(dims.quotient([windows, 16, 32], [16, 32, 16], false)).toBe('batch');
    expect(dims.quotient([windows, 'length'], ['batch', 'length'], false)).toBe(16);
    expect(dims.product([dims.quotient(['length'], [2], true) as string, 2])).toBe('length');
  });

  it('keep a quotient apart that may have left a rest, until one is known to leave none', () => {
    const half = dims.quotient(['length'], [2], false) as string;
    expect(dims.product([half, 2])).not.toBe('length');
    expect(dims.quotient(['length', 'batch'], ['batch', 2], true)).toBe(half);
    expect(dims.product([half, 2])).toBe('length');
  });

  it('say nothing of zeros, of negative numbers and of fractions', () => {
    expect([
      dims.quotient(['batch', 0], ['batch'], true),
      dims.quotient(['batch'], [0], true),
      dims.quotient(['batch'], [-1], true),
      dims.quotient([5], [2], true),
    ]).toEqual([undefined, undefined, undefined, undefined]);
  });
});
