import '../../reference-only.js';
import { describe, expect, it } from 'vitest';
import { sigmoid, tanh } from '../../../src/numerics/elementary.js';
import { dequantizeValue, inverseScale, quantizeValue } from '../../../src/numerics/quantize.js';
import { dispatch } from '../../../src/ops/dispatch.js';
import { opByName } from '../../../src/ops/op-table.js';
import * as Q from '../../../src/quantized/index.js';
import { Tensor } from '../../../src/tensor/tensor.js';
import { codes, quantized } from './codes.js';

const x = quantized([0, 8, 16, 24, 255], 0.25, 16); // -4, -2, 0, 2, 59.75
const out = { scale: 0.25, zeroPoint: 16 };

describe('activations that keep the qparams', () => {
  it('compare codes', () => {
    expect(codes(Q.relu(x))).toEqual([16, 16, 16, 24, 255]);
    expect(codes(Q.relu6(x))).toEqual([16, 16, 16, 24, 40]);
    expect(codes(Q.hardtanh(x))).toEqual([12, 12, 16, 20, 20]);
    expect(codes(Q.clamp(x, -3, Number.POSITIVE_INFINITY))).toEqual([4, 8, 16, 24, 255]);
    expect(codes(Q.threshold(x, -2, 5))).toEqual([36, 36, 16, 24, 255]);
    expect([Q.relu6(x).scale, Q.relu6(x).zeroPoint]).toEqual([0.25, 16]);
    expect(codes(Q.relu6(quantized([-128, -100, 127], 0.1, -100, 'qint8')))).toEqual([-100, -100, -40]);
  });

  it('check their limits', () => {
    expect(() => Q.clamp(x, 1, -1)).toThrow('[quantized::clamp] min must not be above max, got 1 and -1');
    expect(() => Q.clamp(x, Number.NaN, 1)).toThrow('min must not be above max');
    expect(() => Q.threshold(x, Number.NaN, 1)).toThrow('[quantized::threshold] threshold must be a number, got NaN');
    const missing = (): unknown => dispatch(opByName('quantized::relu'), [x.values], {});
    expect(missing).toThrow('[quantized::relu] xZeroPoint must be an integer from 0 to 255 for uint8, got undefined');
    expect(() => dispatch(opByName('quantized::relu'), [Tensor.from([1])], { xZeroPoint: 0 })).toThrow(
      '[quantized::relu] x must be uint8 or int8, got float32 [1]',
    );
  });
});

describe('activations with qparams of their own', () => {
  it('go through float32', () => {
    expect(codes(Q.leakyRelu(x, { ...out, negativeSlope: 0.5 }))).toEqual([8, 12, 16, 24, 255]);
    expect(codes(Q.hardswish(x, out))).toEqual([16, 15, 16, 23, 255]); // 0, -1/3, 0, 5/3, 59.75
    expect(codes(Q.gelu(x, out))).toEqual([16, 16, 16, 24, 255]); // -0.0001, -0.046, 0, 1.95, 59.75
    expect(codes(Q.hardsigmoid(x))).toEqual([0, 43, 128, 213, 255]); // 256 times 0, 1/6, 1/2, 5/6, 1
    expect(codes(Q.elu(x, out))).toEqual([12, 13, 16, 24, 255]); // e^-4 - 1, e^-2 - 1, ...
    expect(codes(Q.celu(x, { ...out, alpha: 2 }))).toEqual([9, 11, 16, 24, 255]); // 2 (e^-2 - 1), 2 (e^-1 - 1)
  });

  it('sigmoid, tanh and softmax have fixed qparams unless told', () => {
    const [s, t] = [Q.sigmoid(x), Q.tanh(x)];
    expect([s.scale, s.zeroPoint, t.scale, t.zeroPoint]).toEqual([1 / 256, 0, 1 / 128, 128]);
    const values = codes(x).map((code) => dequantizeValue(code, 0.25, 16));
    expect(codes(s)).toEqual(values.map((v) => quantizeValue(sigmoid(v), 256, 0, 0, 255)));
    expect(codes(t)).toEqual(values.map((v) => quantizeValue(tanh(v), 128, 128, 0, 255)));
    const signed = quantized([-20, 0, 20], 0.1, 0, 'qint8');
    expect([Q.sigmoid(signed).zeroPoint, Q.tanh(signed).zeroPoint]).toEqual([-128, 0]);
    const other = { scale: 0.01, zeroPoint: 7 };
    expect(codes(Q.sigmoid(x, other))).toEqual(
      values.map((v) => quantizeValue(sigmoid(v), inverseScale(0.01), 7, 0, 255)),
    );
  });

  it('softmax adds up to one along its dim', () => {
    const y = Q.softmax(
      quantized(
        [
          [16, 16],
          [16, 24],
        ],
        0.25,
        16,
      ),
      0,
    );
    expect(codes(y)).toEqual([128, 31, 128, 225]); // 1/2, 1 / (1 + e^2)
    expect(codes(Q.softmax(quantized([0, 255], 1, 0)))).toEqual([0, 255]);
    expect(() => Q.softmax(x, 1)).toThrow('[quantized::softmax] axis 1 is outside a tensor of rank 1');
  });
});
