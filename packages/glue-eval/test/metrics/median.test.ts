import { describe, expect, it } from 'vitest';
import { median } from '../../src/metrics/median.js';

describe('median', () => {
  it('is the middle value of an odd number', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([7])).toBe(7);
  });

  it('is the mean of the two middle values of an even number', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([-1, 1])).toBe(0);
  });

  it('orders by size, not by spelling', () => {
    expect(median([10, 9, 2])).toBe(9);
    expect(median([-3, -20, 100])).toBe(-3);
  });

  it('takes typed arrays and leaves its input as it is', () => {
    const values = [3, 1, 2];
    expect(median(values)).toBe(2);
    expect(values).toEqual([3, 1, 2]);
    expect(median(Float32Array.of(2, 8, 4))).toBe(4);
  });

  it('does not hide an outlier that is infinite', () => {
    expect(median([1, 2, Number.POSITIVE_INFINITY])).toBe(2);
  });

  it('refuses no values, and NaN', () => {
    expect(() => median([])).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('at least one value') }),
    );
    expect(() => median([1, Number.NaN, 2])).toThrow(
      expect.objectContaining({ code: 'INVALID_DATA', message: expect.stringContaining('NaN') }),
    );
  });
});
