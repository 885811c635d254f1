import { expect } from 'vitest';
import { HistogramObserver, type ObserverDType, type QScheme } from '../src/index.js';
import { goldenTest } from './support/golden.js';

goldenTest(
  'all 184 cases of the HistogramObserver agree bit for bit with PyTorch 2.5',
  'histogram_observer',
  (group) => {
    const failures: string[] = [];
    for (const { name, params, inputs, outputs } of group.cases) {
      const { quant_min: low, quant_max: high, reduce_range: reduced } = params;
      const natural = params.dtype === 'quint8' ? (reduced ? [0, 127] : [0, 255]) : reduced ? [-64, 63] : [-128, 127];
      const custom = low !== natural[0] || high !== natural[1];
      const observer = new HistogramObserver({
        dtype: params.dtype as ObserverDType,
        qscheme: params.qscheme as QScheme,
        reduceRange: reduced === true,
        eps: params.eps as number,
        bins: params.bins as number,
        ...(custom ? { quantMin: low as number, quantMax: high as number } : {}),
      });
      const check = (role: string, actual: ArrayLike<number>) => {
        const stored = outputs[role];
        const expected = typeof stored === 'string' ? (group.tensor(stored).data as Float32Array) : [stored as number];
        const same = actual.length === expected.length && Array.from(expected).every((value, i) => value === actual[i]);
        if (!same) failures.push(`${name} ${role}`);
      };
      for (let i = 0; `batch.${i}` in inputs; i++) {
        observer.observe(group.tensor(inputs[`batch.${i}`]));
        check(`min_val.${i}`, [observer.minVal]);
        check(`max_val.${i}`, [observer.maxVal]);
        check(`histogram.${i}`, observer.histogram);
        const { scales, zeroPoints } = observer.calculateQParams();
        check(`scale.${i}`, scales);
        check(`zero_point.${i}`, zeroPoints);
      }
    }
    expect(failures).toEqual([]);
    expect(group.cases).toHaveLength(184);
  },
);
