import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nn, type Tensor } from '@octavo/core';
import { afterAll, expect, test } from 'vitest';
import { coverage, DynamicQuantizedLinear, loadQuantized, quantizeDynamic, saveQuantized } from '../../src/index.js';
import { bits, noise } from '../support/models.js';

const folder = mkdtempSync(join(tmpdir(), 'octavo-attention-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('the output projection of attention becomes int8, and the report says what does not', async () => {
  const attention = new nn.MultiheadAttention(8, 2, { kdim: 4, batchFirst: true });
  const q = quantizeDynamic(attention, [nn.Linear]);
  expect(q.out_proj).toBeInstanceOf(DynamicQuantizedLinear);
  expect(coverage(q).rows.map(({ path, op, precision }) => [path, op, precision])).toEqual([
    ['', 'MultiheadAttention', 'float32'],
    ['out_proj', 'DynamicQuantizedLinear', 'int8'],
  ]);
  const run = (module: nn.MultiheadAttention): Tensor =>
    module.call(noise([2, 3, 8], 1), noise([2, 5, 4], 2), noise([2, 5, 8], 3))[0];
  await saveQuantized(q, join(folder, 'attention.safetensors'));
  const loaded = await loadQuantized<nn.MultiheadAttention>(join(folder, 'attention.safetensors'));
  expect(bits(run(loaded))).toEqual(bits(run(q)));
});

test('float modules of every kind come back from a file', async () => {
  const model = new nn.Sequential(
    ...[new nn.GroupNorm(2, 4, { affine: false }), new nn.InstanceNorm1d(4, { affine: true, eps: 0.1 })],
    ...[new nn.ReLU6(), new nn.Hardtanh(-0.5, 0.5), new nn.Hardswish(), new nn.Hardsigmoid(), new nn.SiLU()],
    ...[new nn.ELU(0.5), new nn.CELU(2), new nn.LeakyReLU(0.3), new nn.LogSoftmax(1)],
  );
  await saveQuantized(model, join(folder, 'float.safetensors'));
  const loaded = await loadQuantized(join(folder, 'float.safetensors'));
  expect(String(loaded)).toBe(String(model));
  expect(bits(loaded.call(noise([2, 4, 6])))).toEqual(bits(model.call(noise([2, 4, 6]))));
});
