// The recipes of examples/ run with node on the built packages, as a reader runs them.
import { beforeAll, expect, it } from 'vitest';
import { build, root, run } from './workspace.js';

beforeAll(() => build('build'), 120_000);

it('examples/lstm prints both modules, sizes, latency and the difference of outputs', { timeout: 120_000 }, () => {
  const text = run(root, process.execPath, 'examples/lstm/lstm.mjs');
  for (const size of ['8, 20', '512, 512']) {
    expect(text).toContain(`(lstm): LSTM(${size})`);
    expect(text).toContain(`(lstm): DynamicQuantizedLSTM(${size})`);
  }
  const [small, large] = [...text.matchAll(/([\d.]+) times smaller/g)].map(([, ratio]) => Number(ratio));
  expect(small).toBeGreaterThan(1.5);
  expect(large).toBeGreaterThanOrEqual(3.9);
  expect([...text.matchAll(/of the int8 outputs .* or (?:99|100|101)\.\d+ percent of float32/g)]).toHaveLength(2);
  const percents = [...text.matchAll(/difference .* or ([\d.]+) percent/g)].map(([, percent]) => Number(percent));
  expect(percents).toHaveLength(2);
  expect(Math.max(...percents)).toBeLessThan(2);
  const times = [...text.matchAll(/[\d.]+ ms a call/g)];
  expect(times).toHaveLength(4);
});

it('examples/lstm takes the dtype of weights, and refuses others', { timeout: 120_000 }, () => {
  const text = run(root, process.execPath, 'examples/lstm/lstm.mjs', 'float16');
  expect(text).toContain('The float16 module:');
  const [, large] = [...text.matchAll(/([\d.]+) times smaller/g)].map(([, ratio]) => Number(ratio));
  expect(large).toBeCloseTo(2, 1);
  const percents = [...text.matchAll(/difference .* or ([\d.]+) percent/g)].map(([, percent]) => Number(percent));
  expect(Math.max(...percents)).toBeLessThan(0.1);
  expect(() => run(root, process.execPath, 'examples/lstm/lstm.mjs', 'int3')).toThrow("qint8 or float16, got 'int3'");
});
