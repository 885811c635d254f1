import { perRowDynamicQConfig, renderCoverage } from '@octavo/observers';
import { expect, test } from 'vitest';
import { coverage, quantizeDynamic } from '../../src/index.js';
import { tinyModel } from '../support/models.js';

test('coverage says what is int8, what is float, and why', () => {
  const q = quantizeDynamic(tinyModel(), { '': perRowDynamicQConfig, sub: null, classifier: null });
  const report = coverage(q);
  const row = (path: string) => report.rows.find((entry) => entry.path === path);
  expect(row('layers.0.fc1')).toEqual({
    path: 'layers.0.fc1',
    op: 'DynamicQuantizedLinear',
    precision: 'int8',
    reason: 'dynamic: 8-bit activations, one range a row; weights per channel',
    multiplyAdds: 512,
  });
  expect(row('sub.fc1')).toMatchObject({ precision: 'float32', reason: "the entry of 'sub' is null" });
  expect(row('classifier')).toMatchObject({ precision: 'float32', reason: 'its own entry is null' });
  expect(row('norm')).toMatchObject({ precision: 'float32', reason: 'normalisation is computed in float' });
  expect(report.int8Share).toBeCloseTo((4 * 512) / (6 * 512 + 48), 12);
});

test('a float model has no int8 share, a whole int8 one all of it', () => {
  expect(coverage(tinyModel()).int8Share).toBe(0);
  expect(coverage(tinyModel()).rows.find(({ path }) => path === 'classifier')?.reason).toBe('not quantized');
  expect(coverage(quantizeDynamic(tinyModel())).int8Share).toBe(1);
});

test('it prints as a table', () => {
  const text = renderCoverage(coverage(quantizeDynamic(tinyModel())));
  expect(text).toMatch(/^path +op +precision +reason\n/);
  expect(text).toMatch(/int8: 7 of 12 layers, 100.0 % of the known multiply-adds$/);
});
