import { Generator, type QuantizedTensor, Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { defineQConfig, getDefaultQConfig, quantizeWeight, staticImageQConfig } from '../../src/index.js';

const random = new Generator(3);
const weight = new Tensor(
  'float32',
  Float32Array.from({ length: 6 * 4 * 9 }, () => random.normal()),
  [6, 4, 3, 3],
);

/** In steps, of every weight. */
function errorsOf({ values, scales, axis }: QuantizedTensor, { data, dims }: Tensor<'float32'>): number[] {
  const run = data.length / (dims[0] as number);
  return Array.from(data, (w, i) => {
    return Number(values.data[i]) - w / (scales[axis === null ? 0 : Math.floor(i / run)] as number);
  });
}
const sums = (errors: readonly number[]) =>
  Array.from({ length: errors.length / 9 }, (_, k) =>
    Math.abs(errors.slice(9 * k, 9 * k + 9).reduce((sum, error) => sum + error, 0)),
  );

/** Half a step, and the rounding of scales. */
const HALF = 0.501;

describe('keepKernelSums', () => {
  const nearest = errorsOf(quantizeWeight(weight, getDefaultQConfig('onednn')), weight);
  const kept = errorsOf(quantizeWeight(weight, staticImageQConfig), weight);

  it('leaves half a step of error in the sum of a kernel, where rounding to the nearest leaves more', () => {
    expect(Math.max(...sums(nearest))).toBeGreaterThan(1);
    expect(sums(kept).filter((sum) => sum > HALF)).toHaveLength(0);
    expect(Math.max(...kept.map(Math.abs))).toBeLessThan(1);
  });

  it('moves codes by one at most, and only kernels whose sum was off', () => {
    kept.forEach((error, i) => {
      const moved = Math.round(Math.abs(error - (nearest[i] as number)));
      expect(moved).toBeLessThanOrEqual(1);
      if ((sums(nearest)[Math.floor(i / 9)] as number) < 0.5) expect(moved).toBe(0);
    });
  });

  it('takes one scale for the tensor as well, and leaves linears to the nearest', () => {
    const qnnpack = defineQConfig({ ...getDefaultQConfig('qnnpack'), keepKernelSums: true });
    expect(sums(errorsOf(quantizeWeight(weight, qnnpack), weight)).filter((sum) => sum > HALF)).toHaveLength(0);
    const linear = new Tensor('float32', weight.data, [6, 36]);
    expect(quantizeWeight(linear, staticImageQConfig).values.data).toEqual(
      quantizeWeight(linear, getDefaultQConfig('onednn')).values.data,
    );
  });
});
