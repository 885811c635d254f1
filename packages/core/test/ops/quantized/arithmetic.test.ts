import '../../reference-only.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dequantizeValue } from '../../../src/numerics/quantize.js';
import * as Q from '../../../src/quantized/index.js';
import { QuantizedTensor } from '../../../src/tensor/quantized-tensor.js';
import { Tensor } from '../../../src/tensor/tensor.js';
import { codes, quantized } from './codes.js';

const out = { scale: 0.5, zeroPoint: 3 };

describe('add and mul', () => {
  it('are computed from the numbers that the codes mean', () => {
    const a = quantized([14, 10, 0, 255], 0.5, 10); // 2, 0, -5, 122.5
    const b = quantized([6, 1, 2, 255], 0.25, 0); // 1.5, 0.25, 0.5, 63.75
    expect(codes(Q.add(a, b, out))).toEqual([10, 3, 0, 255]); // 3.5, 0.25 (a tie: to even), -4.5, above the range
    expect(codes(Q.mul(a, b, out))).toEqual([9, 3, 0, 255]); // 3, 0, -2.5, above the range
    expect(codes(Q.add(a, b, { ...out, relu: true }))).toEqual([10, 3, 3, 255]);
    expect(codes(Q.mul(a, b, { ...out, relu: true }))).toEqual([9, 3, 3, 255]);
  });

  it('round halves to even before the zero point, at every position alike', () => {
    const a = quantized(new Array(130).fill(2), 0.5, 0);
    const half = quantized(new Array(130).fill(1), 0.25, 0);
    expect(new Set(codes(Q.add(a, half, out)))).toEqual(new Set([5])); // 1.25 / 0.5 = 2.5 -> 2
    expect(new Set(codes(Q.mul(a, half, out)))).toEqual(new Set([3])); // 0.25 / 0.5 = 0.5 -> 0
  });

  it('broadcast, and keep the dtype', () => {
    const a = quantized([[-4], [4]], 1, 0, 'qint8');
    const b = quantized([1, 2, 3], 1, 0, 'qint8');
    const y = Q.add(a, b, { scale: 1, zeroPoint: -1 });
    expect([y.dtype, y.values.raw.dims, codes(y)]).toEqual(['qint8', [2, 3], [-4, -3, -2, 4, 5, 6]]);
    expect(codes(Q.mul(a, b, { scale: 1, zeroPoint: 0 }))).toEqual([-4, -8, -12, 4, 8, 12]);
  });

  it('say what does not fit', () => {
    const a = quantized([1, 2], 1, 0);
    expect(() => Q.add(a, quantized([1, 2, 3], 1, 0), out)).toThrow(
      '[quantized::add] shapes [2] and [3] cannot be broadcast together',
    );
    expect(() => Q.add(a, quantized([1], 1, 0, 'qint8'), out)).toThrow(
      '[quantized::add] b must be uint8, got int8 [1]',
    );
    expect(() => Q.mul(quantized([1], 1, 0, 'qint32'), a, out)).toThrow('a must be uint8 or int8, got int32 [1]');
    expect(() => Q.mul(a, a, { scale: 0, zeroPoint: 0 })).toThrow(
      'scale must be positive and finite in float32, got 0',
    );
    expect(() => Q.add(a, a, { scale: 1, zeroPoint: 256 })).toThrow(
      'zeroPoint must be an integer from 0 to 255 for uint8, got 256',
    );
    expect(() => Q.add(a, Tensor.from([1]) as never, out)).toThrow('[quantized::add] b must be a QuantizedTensor');
    const perChannel = new QuantizedTensor('quint8', a.values, {
      scales: Float32Array.of(1, 2),
      zeroPoints: new Int32Array(2),
      axis: 0,
    });
    expect(() => Q.add(perChannel, a, out)).toThrow(
      'a must be quantized per tensor, got one scale for each index of axis 0',
    );
  });
});

describe('scalars', () => {
  const x = quantized([0, 10, 255], 0.5, 10); // -5, 0, 122.5

  it('addScalar moves the zero point, and stretches the scale where that would leave the range', () => {
    const moved = Q.addScalar(x, 2);
    expect([codes(moved), moved.scale, moved.zeroPoint]).toEqual([[0, 10, 255], 0.5, 6]);
    const up = Q.addScalar(x, 20); // 40 steps: 15, 20, 142.5
    expect([up.scale, up.zeroPoint]).toEqual([Math.fround((285 / 255) * 0.5), 0]);
    expect(codes(up)).toEqual([27, 36, 255]);
    const down = Q.addScalar(x, -130); // -260 steps: -135, -130, -7.5
    expect([down.scale, down.zeroPoint]).toEqual([Math.fround((270 / 255) * 0.5), 255]);
    expect(codes(down)).toEqual([0, 9, 241]);
    expect(codes(Q.addScalar(x, 2, { relu: true }))).toEqual([6, 10, 255]);
    expect(() => Q.addScalar(x, Number.NaN)).toThrow('[quantized::add_scalar]');
  });

  it('mulScalar scales the scale; a negative factor mirrors', () => {
    const double = Q.mulScalar(x, 2);
    expect([codes(double), double.scale, double.zeroPoint]).toEqual([[0, 10, 255], 1, 10]);
    const mirrored = Q.mulScalar(x, -2);
    expect([codes(mirrored), mirrored.scale, mirrored.zeroPoint]).toEqual([[255, 245, 0], 1, 245]);
    const none = Q.mulScalar(x, 0);
    expect([codes(none), none.scale, none.zeroPoint]).toEqual([[0, 0, 0], 1, 0]);
    expect(codes(Q.mulScalar(x, -2, { relu: true }))).toEqual([255, 245, 245]);
    expect(() => Q.mulScalar(x, 1e-46)).toThrow('other must leave a positive, finite scale');
    expect(() => Q.mulScalar(x, Number.NaN)).toThrow('other must leave a positive, finite scale, got NaN');
  });
});

describe('requantize and cat', () => {
  it('requantize to the same qparams changes nothing', () => {
    const all = Array.from({ length: 256 }, (_, i) => i);
    fc.assert(
      fc.property(
        fc.double({ min: 1e-30, max: 1e30, noNaN: true }),
        fc.integer({ min: 0, max: 255 }),
        (scale, zeroPoint) => {
          expect(codes(Q.requantize(quantized(all, scale, zeroPoint), { scale, zeroPoint }))).toEqual(all);
        },
      ),
    );
  });

  it('cat brings every tensor to the output qparams, the first ones by default', () => {
    const a = quantized([[0, 4]], 0.5, 2); // -1, 1
    const b = quantized([[8, 0]], 0.25, 4); // 1, -1
    const y = Q.cat([a, b], 1);
    expect([codes(y), y.scale, y.zeroPoint, y.values.raw.dims]).toEqual([[0, 4, 4, 0], 0.5, 2, [1, 4]]);
    const finer = Q.cat([a, b], 0, { scale: 0.125, zeroPoint: 128, relu: true });
    expect([codes(finer), finer.values.raw.dims]).toEqual([
      [128, 136, 136, 128],
      [2, 2],
    ]);
    expect(() => Q.cat([])).toThrow('[Q.cat] expected one tensor or more');
    expect(() => Q.cat([a, quantized([[1]], 1, 0)], 0)).toThrow('[aten::cat] expected tensors that agree');
  });
});

describe('matmul', () => {
  it('is the exact integer product, requantized; leading dims broadcast', () => {
    const a = quantized([[[3, 2]], [[0, 9]]], 0.5, 2); // [[0.5, 0]], [[-1, 3.5]]
    const b = quantized(
      [
        [4, 0],
        [1, 3],
      ],
      1,
      1,
    ); // [[3, -1], [0, 2]]
    const y = Q.matmul(a, b, { scale: 0.5, zeroPoint: 10 });
    expect(y.values.raw.dims).toEqual([2, 1, 2]);
    expect(codes(y)).toEqual([13, 9, 4, 26]); // 1.5, -0.5, -3, 8
    expect(dequantizeValue(26, 0.5, 10)).toBe(8);
    expect(() => Q.matmul(a, quantized([[1]], 1, 0), out)).toThrow(
      '[quantized::matmul] expected a [..., m, k] and b [..., k, n], got [2, 1, 2] and [1, 1]',
    );
  });
});
