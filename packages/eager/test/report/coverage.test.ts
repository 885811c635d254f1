import { nn } from '@octavo/core';
import { getDefaultQConfig, perRowDynamicQConfig, renderCoverage } from '@octavo/observers';
import { expect, test } from 'vitest';
import { convert, coverage, DeQuantize, fuseModules, prepare, quantizeDynamic } from '../../src/index.js';
import { ids, noise, shortcutNet, tinyModel } from '../support/models.js';

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

test('with inputs it counts the pixels of convolutions and the rows of linears', () => {
  const x = noise([2, 3, 8, 8]);
  const prepared = prepare(fuseModules(shortcutNet(), { inputs: [x] }), {
    qconfig: { '': getDefaultQConfig('fbgemm'), fc: null },
  });
  prepared.call(x);
  const int8 = convert(prepared);
  int8.dequant = new nn.Identity();
  int8.flatten = new nn.Sequential(int8.flatten, new DeQuantize());
  const report = coverage(int8, { inputs: [x] });
  const known = report.rows.flatMap(({ path, multiplyAdds }) =>
    multiplyAdds === undefined ? [] : [[path, multiplyAdds]],
  );
  // Two images of 8 x 8 pixels; 3 * 3 taps of 3 channels, and of one channel where it is depthwise.
  const [conv1, conv2, fc] = [2 * 64 * 6 * 27, 2 * 64 * 6 * 9, 2 * 24 * 4];
  expect(known).toEqual([
    ['conv1', conv1],
    ['conv2', conv2],
    ['fc', fc],
  ]);
  expect(report.int8Share).toBeCloseTo((conv1 + conv2) / (conv1 + conv2 + fc), 12);
  expect(coverage(int8).rows.find(({ path }) => path === 'conv1')).not.toHaveProperty('multiplyAdds');
});

test('a transposed convolution is counted by the pixels that it spreads, and a model that is float as well', () => {
  const conv = new nn.ConvTranspose2d(4, 6, 3, { stride: 2 });
  const rows = coverage(new nn.Sequential(conv), { inputs: [noise([1, 4, 5, 5])] }).rows;
  expect(rows[0]).toMatchObject({ precision: 'float32', multiplyAdds: 25 * 4 * 6 * 9 });
  const tiny = coverage(quantizeDynamic(tinyModel()), { inputs: [ids([[1, 2, 3]])] });
  expect(tiny.rows.find(({ path }) => path === 'layers.0.fc1')?.multiplyAdds).toBe(3 * 512);
  expect(conv.forwardHooks.size).toBe(0);
});
