import { describe, expect, it } from 'vitest';
import { accuracyF1 } from '../../src/metrics/accuracy-f1.js';

describe('accuracyF1', () => {
  it('counts what the formula counts', () => {
    // TP 2, FP 1, FN 1, TN 1
    const scores = accuracyF1([1, 1, 1, 0, 0], [1, 1, 0, 1, 0]);
    expect(scores.accuracy).toBe(3 / 5);
    expect(scores.f1).toBe(4 / 6);
    expect(scores.accF1).toBe((3 / 5 + 4 / 6) / 2);
  });

  it('gives 1 for a perfect answer', () => {
    expect(accuracyF1([1, 0, 1], [1, 0, 1])).toEqual({ accuracy: 1, f1: 1, accF1: 1 });
  });

  it('scores the positive class: swapping the classes changes F1, not accuracy', () => {
    const scores = accuracyF1([1, 1, 1, 1], [1, 1, 1, 0]);
    const swapped = accuracyF1([0, 0, 0, 0], [0, 0, 0, 1]);
    expect(scores).toMatchObject({ accuracy: 0.75, f1: 6 / 7 });
    expect(swapped).toMatchObject({ accuracy: 0.75, f1: 0 });
  });

  it('defines F1 as 0 where nothing is positive', () => {
    expect(accuracyF1([0, 0], [0, 0])).toEqual({ accuracy: 1, f1: 0, accF1: 0.5 });
  });

  it("agrees with MRPC's usual baseline: always answering 'paraphrase' on 279 of 408", () => {
    const labels = Array.from({ length: 408 }, (_, i) => (i < 279 ? 1 : 0));
    const scores = accuracyF1(new Array(408).fill(1), labels);
    expect(scores.accuracy).toBeCloseTo(0.6838, 4);
    expect(scores.f1).toBeCloseTo(0.8122, 4);
  });

  it('refuses no examples, unequal lengths and other classes', () => {
    const failure = (code: string, text: string) =>
      expect.objectContaining({ code, message: expect.stringContaining(text) });
    expect(() => accuracyF1([], [])).toThrow(failure('INVALID_ARGUMENT', 'at least one example'));
    expect(() => accuracyF1([1], [1, 0])).toThrow(failure('INVALID_ARGUMENT', '1 predictions for 2 labels'));
    expect(() => accuracyF1([1, 2], [1, 0])).toThrow(failure('INVALID_DATA', 'predictions[1]'));
    expect(() => accuracyF1([1, 0], [Number.NaN, 0])).toThrow(failure('INVALID_DATA', 'labels[0]'));
  });
});
