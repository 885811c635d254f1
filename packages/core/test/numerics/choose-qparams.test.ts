import { expect, it } from 'vitest';
import { chooseQParams, finiteRange } from '../../src/numerics/choose-qparams.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { goldenCases, itGolden } from '../golden.js';

const f = Math.fround;

it('zeros, tiny ranges and the 7-bit range follow ATen', () => {
  expect(chooseQParams(0, 0)).toEqual({ scale: f(0.1), zeroPoint: 0 });
  expect(chooseQParams(0, 1e-6)).toEqual({ scale: f(6.1e-5), zeroPoint: 0 });
  expect(chooseQParams(-1e-6, 3e-6)).toEqual({ scale: f(6.1e-5), zeroPoint: 64 });
  expect(chooseQParams(-1, 1, { reduceRange: true }).scale).toBe(f(2 / 127));
  expect(chooseQParams(3, 5)).toEqual({ scale: f(5 / 255), zeroPoint: 0 });
  expect(chooseQParams(-5, -3)).toEqual({ scale: f(5 / 255), zeroPoint: 255 });
});

it('a range takes in zero and leaves out NaN and infinities', () => {
  const data = [Number.NaN, 2, Number.POSITIVE_INFINITY, -3, Number.NEGATIVE_INFINITY, 7];
  expect(finiteRange(data, 0, 5)).toEqual({ min: -3, max: 2 });
  expect(finiteRange(data, 1, 1)).toEqual({ min: 0, max: 2 });
  expect(finiteRange(data, 2, 0)).toEqual({ min: 0, max: 0 });
});

itGolden('golden choose_qparams: every scale and zero point', () => {
  const cases = goldenCases('choose_qparams');
  let checked = 0;
  for (const { name, op, params, inputs, outputs } of cases) {
    const data = (inputs.x as Tensor<'float32'>).raw.data;
    const { min, max } = finiteRange(data, 0, data.length);
    const signed = params.dtype === 'qint8';
    const { scale, zeroPoint } = chooseQParams(min, max, {
      qmin: op === '_choose_qparams_per_tensor' ? 0 : signed ? -128 : 0,
      qmax: op === '_choose_qparams_per_tensor' ? 255 : signed ? 127 : 255,
      reduceRange: params.reduce_range === true,
    });
    const expected =
      op === '_choose_qparams_per_tensor'
        ? [outputs.scale, outputs.zero_point]
        : [outputs.q_scale, outputs.q_zero_point];
    expect([name, scale, zeroPoint]).toEqual([name, f(expected[0] as number), expected[1]]);
    checked++;
  }
  expect(checked).toBe(774);
});
