import { describe, expect, it } from 'vitest';
import { PRECISION_BITS, resampleCoefficients } from '../../src/image/resample-coefficients.js';
import { RESAMPLE_FILTERS } from '../../src/image/resample-filter.js';
import { resize } from '../../src/image/resize.js';
import { digest, EXPECTED, patternImage } from './expected.js';

describe('resize', () => {
  it.each(EXPECTED.resized)('gives the bytes of Pillow: $pattern $from to $size, $filter', (wanted) => {
    const { pattern, from, filter, size, sha256 } = wanted;
    expect(digest(resize(patternImage(pattern, from), size[0], size[1], filter))).toEqual({ size, sha256 });
  });

  it('leaves its input alone', () => {
    const image = patternImage('noise', [9, 7]);
    const before = image.data.slice();
    resize(image, 4, 5, 'bicubic');
    expect(image.data).toEqual(before);
  });
});

describe('resampleCoefficients', () => {
  it.each(['bilinear', 'bicubic'] as const)('sum to one a row but for rounding: %s', (filter) => {
    const { count, stride, weights } = resampleCoefficients(RESAMPLE_FILTERS[filter], 91, 13);
    for (let i = 0; i < 13; i++) {
      const row = weights.subarray(i * stride, i * stride + (count[i] as number));
      const sum = row.reduce((total, weight) => total + weight, 0);
      expect(Math.abs(sum - 2 ** PRECISION_BITS)).toBeLessThanOrEqual(row.length / 2);
    }
  });
});
