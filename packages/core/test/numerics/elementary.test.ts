import { describe, expect, it } from 'vitest';
import { cos, erf, exp, gelu, geluTanh, log, sigmoid, sin, tanh } from '../../src/numerics/elementary.js';
import { ERF_ULP, EXP_ULP, GELU_ABSOLUTE, LOG_ULP, SIGMOID_TAIL, SIGMOID_ULP, SINE_ULP, TANH_ULP } from '../budgets.js';
import { bitsOfFloat, floatOfBits, ulp } from '../floats.js';

/** erf in double: 2 / sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!, all terms of one sign (Abramowitz 7.1.6). */
function erfReference(x: number): number {
  const t = Math.abs(x);
  if (t > 6) return Math.sign(x);
  let term = t;
  let sum = t;
  for (let n = 1; term > sum * 1e-18; n++) {
    term *= (2 * t * t) / (2 * n + 1);
    sum += term;
  }
  return ((Math.sign(x) * 2) / Math.sqrt(Math.PI)) * Math.exp(-t * t) * sum;
}

/** Calls `check` with float32 values of all exponents, a fixed stride of bit patterns apart. */
function sweep(check: (x: number) => void): void {
  for (let bits = 0; bits < 2 ** 32; bits += 29989) {
    const x = floatOfBits(bits);
    if (Number.isFinite(x)) check(x);
  }
}

/** Largest error of `fn` in units in the last place of the reference, over the values that `counts`. */
function worstUlp(fn: (x: number) => number, reference: (x: number) => number, counts = (_: number) => true): number {
  let worst = 0;
  sweep((x) => {
    const expected = reference(x);
    if (!counts(x) || Math.abs(expected) > 3.4028234e38) return;
    worst = Math.max(worst, Math.abs(fn(x) - expected) / ulp(expected));
  });
  return worst;
}

describe('accuracy against double precision', () => {
  it(`exp is within ${EXP_ULP} ULP`, () => expect(worstUlp(exp, Math.exp)).toBeLessThan(EXP_ULP));
  it(`erf is within ${ERF_ULP} ULP`, () => expect(worstUlp(erf, erfReference)).toBeLessThan(ERF_ULP));
  it(`tanh is within ${TANH_ULP} ULP`, () => expect(worstUlp(tanh, Math.tanh)).toBeLessThan(TANH_ULP));
  it(`log is within ${LOG_ULP} ULP`, () => expect(worstUlp(log, Math.log, (x) => x > 0)).toBeLessThan(LOG_ULP));
  it(`sin and cos are within ${SINE_ULP} ULP at every size`, () => {
    expect(worstUlp(sin, Math.sin)).toBeLessThan(SINE_ULP);
    expect(worstUlp(cos, Math.cos)).toBeLessThan(SINE_ULP);
  });
  it(`sin and cos are within ${SINE_ULP} ULP where a quarter turn leaves next to nothing`, () => {
    // The float32 values around every 7th quarter turn to 2^16 and beyond, and the one of all that lies closest to one.
    const angles = [16367173 * 2 ** 72];
    for (let n = 1; n < 50000; n += 7) {
      const nearest = bitsOfFloat(n * (Math.PI / 2));
      for (let step = -2; step <= 2; step++) angles.push(floatOfBits(nearest + step));
    }
    for (const [fn, reference] of [[sin, Math.sin] as const, [cos, Math.cos] as const]) {
      for (const x of angles) {
        const error = Math.abs(fn(x) - reference(x)) / ulp(reference(x));
        if (!(error < SINE_ULP)) expect.fail(`${fn.name}(${x}) = ${fn(x)}, expected ${reference(x)}`);
      }
    }
  });
  it(`sigmoid is within ${SIGMOID_ULP} ULP above -87`, () => {
    const reference = (x: number): number => 1 / (1 + Math.exp(-x));
    expect(worstUlp(sigmoid, reference, (x) => x > -87)).toBeLessThan(SIGMOID_ULP);
    sweep((x) => {
      if (x <= -87) expect(Math.abs(sigmoid(x) - reference(x))).toBeLessThan(SIGMOID_TAIL);
    });
  });
  it(`gelu is within ${GELU_ABSOLUTE} max(1, |x|)`, () => {
    sweep((x) => {
      const expected = 0.5 * x * (1 + erfReference(x * Math.SQRT1_2));
      const error = Math.abs(gelu(x) - expected) / Math.max(1, Math.abs(x));
      if (!(error < GELU_ABSOLUTE)) expect.fail(`gelu(${x}) = ${gelu(x)}, expected ${expected}`);
    });
  });
});

it(`gelu by tanh is within ${GELU_ABSOLUTE} max(1, |x|)`, () => {
  sweep((x) => {
    const expected = 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    const error = Math.abs(geluTanh(x) - expected) / Math.max(1, Math.abs(x));
    if (!(error < GELU_ABSOLUTE)) expect.fail(`geluTanh(${x}) = ${geluTanh(x)}, expected ${expected}`);
  });
  expect([geluTanh(0), geluTanh(20), Math.abs(geluTanh(-20)), geluTanh(Number.NaN)]).toEqual([0, 20, 0, Number.NaN]);
});

describe('special values', () => {
  it('log is exactly 0 at 1, infinite at the ends, and NaN below 0', () => {
    expect([log(1), log(0), log(-0), log(Number.POSITIVE_INFINITY), log(-1), log(Number.NaN)]).toEqual([
      0,
      Number.NEGATIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      Number.NaN,
    ]);
  });

  it('exp is exactly 1 at 0, 0 far below and infinity far above', () => {
    expect([exp(0), exp(-0), exp(-104.5), exp(Number.NEGATIVE_INFINITY), exp(90)]).toEqual([
      1,
      1,
      0,
      0,
      Number.POSITIVE_INFINITY,
    ]);
    expect(exp(Number.NaN)).toBeNaN();
    expect(exp(-103)).toBe(Math.fround(Math.exp(-103)));
  });

  it('erf and tanh are odd and reach 1', () => {
    for (const fn of [erf, tanh]) {
      expect([fn(0), fn(40), fn(-40), fn(Number.POSITIVE_INFINITY)]).toEqual([0, 1, -1, 1]);
      expect(fn(Number.NaN)).toBeNaN();
      for (const x of [0.3, 0.7, 1.5, 3]) expect(fn(-x)).toBe(-fn(x));
    }
  });

  it('sin is odd and cos even, with the sign of a zero, and infinities have none', () => {
    expect([sin(0), sin(-0), cos(0), cos(-0)]).toEqual([0, -0, 1, 1]);
    for (const x of [1e-40, 0.5, 2, 4, 6, 65535, 1e9, 3e38]) {
      expect(sin(-x)).toBe(-sin(x));
      expect(cos(-x)).toBe(cos(x));
    }
    for (const x of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect([sin(x), cos(x)]).toEqual([Number.NaN, Number.NaN]);
    }
  });

  it('sigmoid is exactly one half at 0, and its ends are 0 and 1', () => {
    expect([sigmoid(0), sigmoid(-200), sigmoid(200)]).toEqual([0.5, 0, 1]);
  });

  it('gelu is the identity far above and 0 far below', () => {
    expect([gelu(0), gelu(20)]).toEqual([0, 20]);
    expect(Math.abs(gelu(-20))).toBe(0);
    expect(gelu(Number.NaN)).toBeNaN();
  });
});
