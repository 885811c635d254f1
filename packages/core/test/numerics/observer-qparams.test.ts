import { describe, expect, it } from 'vitest';
import { calculateFloatQParams, calculateQParams, OBSERVER_EPS } from '../../src/numerics/observer-qparams.js';
import type { QuantizedDType } from '../../src/tensor/dtype.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { goldenCases, itGolden } from '../golden.js';

const f = Math.fround;

describe('calculateQParams', () => {
  it('affine: the range takes in zero, constants included', () => {
    expect(calculateQParams(3, 3, { dtype: 'quint8' })).toEqual({ scale: f(3 / 255), zeroPoint: 0 });
    expect(calculateQParams(0, 0, { dtype: 'quint8' })).toEqual({ scale: OBSERVER_EPS, zeroPoint: 0 });
    expect(calculateQParams(-1, 3, { dtype: 'qint8' })).toEqual({ scale: f(4 / 255), zeroPoint: -64 });
    expect(calculateQParams(-1, 0, { dtype: 'quint8', qmax: 127 })).toEqual({ scale: f(1 / 127), zeroPoint: 127 });
  });

  it('symmetric: the divisor is half the range of codes', () => {
    expect(calculateQParams(-1, 0.5, { dtype: 'qint8', symmetric: true })).toEqual({
      scale: f(1 / 127.5),
      zeroPoint: 0,
    });
    expect(calculateQParams(-1, 0.5, { dtype: 'qint8', qmin: -127, symmetric: true }).scale).toBe(f(1 / 127));
    expect(calculateQParams(-1, 2, { dtype: 'quint8', symmetric: true }).zeroPoint).toBe(128);
    expect(calculateQParams(-1, 2, { dtype: 'quint8', qmax: 127, symmetric: true }).zeroPoint).toBe(63);
    expect(calculateQParams(0, 0, { dtype: 'qint8', symmetric: true, eps: 2 ** -12 }).scale).toBe(2 ** -12);
  });

  it('nothing observed gives scale 1 and zero point 0', () => {
    const nothing = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const;
    expect(calculateQParams(...nothing, { dtype: 'qint8' })).toEqual({ scale: 1, zeroPoint: 0 });
  });

  it('refuses ranges that are none', () => {
    expect(() => calculateQParams(2, 1, { dtype: 'qint8' })).toThrow('expected min <= max, got 2 and 1');
    expect(() => calculateQParams(Number.NaN, 1, { dtype: 'qint8' })).toThrow('min <= max');
    expect(() => calculateQParams(0, 1, { dtype: 'quint8', qmin: 3 })).toThrow('integers around 0');
  });

  it('float zero points keep the range as it is', () => {
    expect(calculateFloatQParams(2, 4, { dtype: 'quint8' })).toEqual({
      scale: f(2 / 255),
      zeroPoint: f(-2 / f(2 / 255)),
    });
    expect(calculateFloatQParams(2, 2, { dtype: 'quint8' })).toEqual({ scale: 1, zeroPoint: -2 });
  });
});

itGolden('golden observers: scale and zero point of every stored range', () => {
  let checked = 0;
  const values = (role: Tensor | number | undefined): number[] =>
    typeof role === 'number' ? [role] : Array.from((role as Tensor).raw.data as Float32Array, Number);
  for (const { name, op, params, outputs } of goldenCases('observers')) {
    if (!op.includes('MinMax')) continue;
    const float = String(params.qscheme).includes('float_qparams');
    for (let batch = 0; `min_val.${batch}` in outputs; batch++) {
      const [mins, maxs, scales, zeros] = ['min_val', 'max_val', 'scale', 'zero_point'].map((role) =>
        values(outputs[`${role}.${batch}`]),
      );
      (scales as number[]).forEach((scale, i) => {
        const { scale: ours, zeroPoint } = (float ? calculateFloatQParams : calculateQParams)(
          mins![i] as number,
          maxs![i] as number,
          {
            dtype: params.dtype as QuantizedDType,
            qmin: params.quant_min as number,
            qmax: params.quant_max as number,
            symmetric: String(params.qscheme).includes('symmetric'),
            eps: params.eps as number,
          },
        );
        expect([name, batch, i, ours, zeroPoint]).toEqual([
          name,
          batch,
          i,
          f(scale),
          float ? f(zeros![i] as number) : zeros![i],
        ]);
        checked++;
      });
    }
  }
  expect(checked).toBeGreaterThan(1000);
});
