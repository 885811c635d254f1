import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import { dequantize, quantizePerTensor } from '../../src/quantize.js';
import * as Q from '../../src/quantized/index.js';
import { QuantizedTensor } from '../../src/tensor/quantized-tensor.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

const output = { scale: 0.03, zeroPoint: 100 };

/** Every code, as numbers from about -5 to 7.7. */
const codes = new QuantizedTensor(
  'quint8',
  new Tensor(
    'uint8',
    Uint8Array.from({ length: 256 }, (_, i) => i),
  ),
  {
    scales: Float32Array.of(0.05),
    zeroPoints: Int32Array.of(101),
    axis: null,
  },
);

describe('a float activation between dequantize and quantize has the codes of the quantized op', () => {
  it.each<[name: string, float: (x: Tensor) => Tensor, quantized: QuantizedTensor]>([
    ['hardswish', F.hardswish, Q.hardswish(codes, output)],
    ['hardsigmoid', F.hardsigmoid, Q.hardsigmoid(codes, output)],
    ['elu', (x) => F.elu(x, 1.3), Q.elu(codes, { alpha: 1.3, ...output })],
    ['celu', (x) => F.celu(x, 0.7), Q.celu(codes, { alpha: 0.7, ...output })],
    ['leaky_relu', (x) => F.leakyRelu(x, 0.2), Q.leakyRelu(codes, { negativeSlope: 0.2, ...output })],
  ])('%s', (name, float, quantized) => {
    const { values } = quantizePerTensor(float(dequantize(codes)), output.scale, output.zeroPoint, 'quint8');
    expectSameBits(name, values, quantized.values);
  });
});

it('the formulas at points where they are exact', () => {
  const x = Tensor.from([-4, -3, 0, 1, 3, 6]);
  expect(F.relu6(Tensor.from([-1, 2, 7])).toArray()).toEqual([0, 2, 6]);
  expect(F.hardtanh(x).toArray()).toEqual([-1, -1, 0, 1, 1, 1]);
  expect(F.hardtanh(x, -2, 4).toArray()).toEqual([-2, -2, 0, 1, 3, 4]);
  expect(F.hardswish(x).toArray()).toEqual([-0, -0, 0, Math.fround(4 / 6), 3, 6]);
  expect(F.hardsigmoid(x).toArray()).toEqual([0, 0, 0.5, Math.fround(4 / 6), 1, 1]);
  expect(F.leakyRelu(x, 0.5).toArray()).toEqual([-2, -1.5, 0, 1, 3, 6]);
  expect(F.elu(Tensor.from([0, 2, -200]), 3).toArray()).toEqual([0, 2, -3]);
  expect(F.celu(Tensor.from([0, 2, -200]), 3).toArray()).toEqual([0, 2, -3]);
  expect(F.silu(Tensor.from([0, 100, -100])).toArray()).toEqual([0, 100, -0]);
});

it('smooth ones agree with their formulas in double', () => {
  const x = randomTensor([200], 3);
  const check = (y: Tensor, formula: (v: number) => number): void => {
    for (const [i, v] of x.raw.data.entries()) expect(y.raw.data[i]).toBeCloseTo(formula(v), 6);
  };
  check(F.silu(x), (v) => v / (1 + Math.exp(-v)));
  check(F.elu(x, 2), (v) => (v >= 0 ? v : 2 * Math.expm1(v)));
  check(F.celu(x, 2), (v) => (v >= 0 ? v : 2 * Math.expm1(v / 2)));
});

it('NaN stays NaN in every one', () => {
  const nan = Tensor.from([Number.NaN]);
  for (const fn of [F.relu6, F.hardtanh, F.hardswish, F.hardsigmoid, F.elu, F.celu, F.leakyRelu, F.silu]) {
    expect((fn as (x: Tensor) => Tensor)(nan).toArray()).toEqual([Number.NaN]);
  }
});

describe('clamp', () => {
  it('has no limit at an end that is infinite or left out', () => {
    const x = Tensor.from([Number.NEGATIVE_INFINITY, -2, 2, Number.POSITIVE_INFINITY]);
    expect(F.clamp(x, 0).toArray()).toEqual([0, 0, 2, Number.POSITIVE_INFINITY]);
    expect(F.clamp(x, undefined, 1).toArray()).toEqual([Number.NEGATIVE_INFINITY, -2, 1, 1]);
    expect(F.clamp(x).toArray()).toEqual(x.toArray());
  });

  it('keeps -0, as relu does', () => {
    expect(F.clamp(Tensor.from([-0]), 0, 6).toArray()).toEqual([-0]);
  });

  it('says what is wrong', () => {
    expect(() => F.clamp(Tensor.zeros([1]), 2, 1)).toThrow('[aten::clamp] min must not be above max, got 2 and 1');
    expect(() => F.clamp(Tensor.zeros([1]), Number.NaN)).toThrow('min must be a finite number, got NaN');
  });
});

it('parameters that are no numbers are refused', () => {
  expect(() => F.leakyRelu(Tensor.zeros([1]), Number.NaN)).toThrow(
    '[aten::leaky_relu] negativeSlope must be a finite number, got NaN',
  );
  expect(() => F.celu(Tensor.zeros([1]), 0)).toThrow('[celu] alpha must not be 0');
  expect(() => F.silu(Tensor.zeros([1], 'int32'))).toThrow('[aten::silu] x must be float32, got int32 [1]');
});
