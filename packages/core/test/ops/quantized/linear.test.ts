import '../../reference-only.js';
import { describe, expect, it } from 'vitest';
import { dispatch } from '../../../src/ops/dispatch.js';
import { quantizedLinear } from '../../../src/ops/quantized/linear.js';
import * as Q from '../../../src/quantized/index.js';
import { LinearPackedParams } from '../../../src/tensor/linear-packed-params.js';
import { QuantizedTensor } from '../../../src/tensor/quantized-tensor.js';
import { Tensor } from '../../../src/tensor/tensor.js';
import { expectSameBits, goldenCases, itGolden } from '../../golden.js';
import { staticInputs, staticOptions } from './golden-static.js';

itGolden('golden linear_static: every case has its bits', () => {
  const cases = goldenCases('linear_static');
  for (const each of cases) {
    if (each.name.endsWith('one_dimensional_input_raises')) continue;
    const { x, weight, bias } = staticInputs(each);
    const y = Q.linear(x, new LinearPackedParams(weight, bias), staticOptions(each));
    expectSameBits(each.name, y.values, each.outputs.y as Tensor);
  }
  expect(cases).toHaveLength(205);
});

const quint8 = (codes: number[][], scale = 0.5, zeroPoint = 10): QuantizedTensor =>
  new QuantizedTensor('quint8', Tensor.from(codes, { dtype: 'uint8' }), {
    scales: Float32Array.of(scale),
    zeroPoints: Int32Array.of(zeroPoint),
  });

const packed = (bias: number[] | null, zeroPoint = 0): LinearPackedParams =>
  new LinearPackedParams(
    new QuantizedTensor(
      'qint8',
      Tensor.from(
        [
          [1, 2, 3, 4, 5],
          [-1, -2, -3, -4, -5],
        ],
        { dtype: 'int8' },
      ),
      {
        scales: Float32Array.of(0.5),
        zeroPoints: Int32Array.of(zeroPoint),
      },
    ),
    bias === null ? null : Tensor.from(bias),
  );

describe('quantized::linear', () => {
  // x - 10 = 1, 2, 3, 4, 5: sums 55 and -55, 0.25 a step.
  const x = quint8([[11, 12, 13, 14, 15]]);

  it('is the real product in codes of the output', () => {
    const y = Q.linear(x, packed(null), { scale: 0.25, zeroPoint: 60 });
    expect([y.dtype, y.scale, y.zeroPoint, y.values.toArray()]).toEqual(['quint8', 0.25, 60, [[115, 5]]]);
    expect(Q.linear(x, packed([1, -1]), { scale: 0.25, zeroPoint: 60 }).values.toArray()).toEqual([[119, 1]]);
    // 13.75 and -13.75 in steps of 0.5: ties go to even.
    expect(Q.linear(x, packed(null), { scale: 0.5, zeroPoint: 60 }).values.toArray()).toEqual([[88, 32]]);
  });

  it("takes the weight's zero point into account", () => {
    // Weights less 1 are 0, 1, 2, 3, 4 and -2, -3, -4, -5, -6.
    expect(Q.linear(x, packed(null, 1), { scale: 0.25, zeroPoint: 100 }).values.toArray()).toEqual([[140, 30]]);
  });

  it('clamps at the zero point for relu, and at the code of 6 for relu6', () => {
    const options = { scale: 0.25, zeroPoint: 60 } as const;
    expect(Q.linear(x, packed(null), { ...options, activation: 'relu' }).values.toArray()).toEqual([[115, 60]]);
    expect(Q.linear(x, packed(null), { ...options, activation: 'relu6' }).values.toArray()).toEqual([[84, 60]]);
  });

  it('keeps leading dims, none of them included', () => {
    const empty = new QuantizedTensor('quint8', Tensor.zeros([2, 0, 5], 'uint8'), x);
    expect(Q.linear(empty, packed(null), { scale: 1, zeroPoint: 0 }).dims).toEqual([2, 0, 2]);
  });

  it('says what does not fit', () => {
    const options = { scale: 1, zeroPoint: 0 };
    const flat = new QuantizedTensor('quint8', Tensor.zeros([5], 'uint8'), x);
    expect(() => Q.linear(flat, packed(null), options)).toThrow(
      '[quantized::linear] expected x [..., 5] of at least 2 dims for a packed weight, got [5]',
    );
    expect(() => Q.linear(quint8([[1, 2]]), packed(null), options)).toThrow('got [1, 2]');
    expect(() => Q.linear(x, packed(null), { scale: 0, zeroPoint: 0 })).toThrow(
      '[quantized::linear] scale must be positive and finite in float32, got 0',
    );
    expect(() => Q.linear(x, packed(null), { scale: 1, zeroPoint: 256 })).toThrow(
      'zeroPoint must be an integer from 0',
    );
    expect(() => Q.linear(Tensor.zeros([1, 5]) as never, packed(null), options)).toThrow('x must be a QuantizedTensor');
    const int8 = new QuantizedTensor('qint8', Tensor.zeros([1, 5], 'int8'), {
      scales: x.scales,
      zeroPoints: Int32Array.of(0),
    });
    expect(() => Q.linear(int8, packed(null), options)).toThrow('x must be uint8, got int8 [1, 5]');
    const attrs = { xScale: 1, xZeroPoint: 0, scale: 1, zeroPoint: 0, activation: 2 };
    expect(() => dispatch(quantizedLinear, [x.values, packed(null)], attrs)).toThrow(
      'activation must be 0 (none), 1 (relu), 3 (relu6), got 2',
    );
  });
});
