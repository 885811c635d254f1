import { describe, expect, it } from 'vitest';
import { topK } from '../../src/metrics/top-k.js';

describe('topK', () => {
  const logits = [0.1, 0.9, 0.5, /**/ 3, 2, 1, /**/ -1, -3, -2];

  it('is the share of labels among the k largest', () => {
    expect(topK(logits, [1, 0, 0], 1)).toBe(1);
    expect(topK(logits, [2, 2, 2], 1)).toBe(0);
    expect(topK(logits, [2, 2, 2], 2)).toBeCloseTo(2 / 3, 12);
    expect(topK(logits, [0, 2, 1], 3)).toBe(1);
  });

  it('takes the lower class first where logits are equal, as argmax does', () => {
    expect(topK([1, 1, 1], [0], 1)).toBe(1);
    expect(topK([1, 1, 1], [1], 1)).toBe(0);
    expect(topK([1, 1, 1], [1], 2)).toBe(1);
  });

  it('refuses what has no score', () => {
    expect(() => topK([], [], 1)).toThrow('got 0 logits for 0 labels');
    expect(() => topK([1, 2, 3], [0, 1], 1)).toThrow('got 3 logits for 2 labels');
    expect(() => topK([1, 2], [2], 1)).toThrow('labels[0]: expected a class below 2, got 2');
  });
});
