import { expect, test } from 'vitest';
import { coverageReport, renderCoverage } from '../../src/index.js';

const report = coverageReport([
  { path: 'encoder.fc', op: 'DynamicQuantizedLinear', precision: 'int8', reason: 'dynamic', multiplyAdds: 300 },
  { path: '', op: 'Linear', precision: 'float32', reason: 'its own entry is null', multiplyAdds: 100 },
  { path: 'norm', op: 'LayerNorm', precision: 'float32', reason: 'normalisation is computed in float' },
]);

test('the share counts multiply-adds that are known', () => {
  expect(report.int8Share).toBe(0.75);
  expect(coverageReport([]).int8Share).toBe(0);
});

test('the table', () => {
  expect(renderCoverage(report)).toBe(
    [
      'path        op                      precision  reason',
      'encoder.fc  DynamicQuantizedLinear  int8       dynamic',
      '(model)     Linear                  float32    its own entry is null',
      'norm        LayerNorm               float32    normalisation is computed in float',
      'int8: 1 of 3 layers, 75.0 % of the known multiply-adds',
    ].join('\n'),
  );
});
