import fc from 'fast-check';
import { expect, it } from 'vitest';
import { broadcastDims, broadcastStrides, checkAxis, resolveReshape, sizeOf } from '../../src/tensor/shape.js';
import { denseStrides, forEachIndex, gather } from '../../src/tensor/strided.js';

it('an axis counts from the end when negative', () => {
  expect([checkAxis(-1, 3, 'x'), checkAxis(0, 3, 'x'), checkAxis(-1, 0, 'x'), checkAxis(0, 0, 'x')]).toEqual([
    2, 0, 0, 0,
  ]);
  for (const axis of [3, -4, 0.5, Number.NaN])
    expect(() => checkAxis(axis, 3, 'x')).toThrow(`[x] axis ${axis} is outside a tensor of rank 3`);
});

it('broadcast follows NumPy', () => {
  expect(broadcastDims([2, 1, 3], [4, 1], 'x')).toEqual([2, 4, 3]);
  expect(broadcastDims([], [0, 1], 'x')).toEqual([0, 1]);
  expect(broadcastStrides([4, 1], [2, 4, 3])).toEqual([0, 1, 0]);
  expect(() => broadcastDims([2], [3], 'x')).toThrow('[x] shapes [2] and [3]');
});

it('reshape resolves 0 and -1 as ONNX does', () => {
  expect(resolveReshape([2, 3, 4], [0, -1], 'x')).toEqual([2, 12]);
  expect(resolveReshape([], [1, 1], 'x')).toEqual([1, 1]);
  for (const asked of [[5, -1], [-2, 12], [0, 0, 0, 0], [7]])
    expect(() => resolveReshape([2, 3, 4], asked, 'x')).toThrow('cannot reshape');
});

it('forEachIndex visits every index in order with its offsets', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { maxLength: 4 }), (dims) => {
      const seen: number[] = [];
      forEachIndex(dims, [denseStrides(dims), dims.map(() => 0)], ([at, none]) => {
        expect(none).toBe(0);
        seen.push(at as number);
      });
      expect(seen).toEqual(Array.from({ length: sizeOf(dims) }, (_, i) => i));
    }),
  );
});

it('gather follows strides from an offset', () => {
  const out = new Int32Array(4);
  gather(Int32Array.of(0, 1, 2, 3, 4, 5), out, [2, 2], [1, 3], 1);
  expect([...out]).toEqual([1, 4, 2, 5]);
  const scalar = new Int32Array(1);
  gather(Int32Array.of(7, 8), scalar, [], [], 1);
  expect([...scalar]).toEqual([8]);
});
