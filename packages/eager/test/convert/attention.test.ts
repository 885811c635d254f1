import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nn, Tensor } from '@octavo/core';
import { perRowDynamicQConfig, sqnr } from '@octavo/observers';
import { afterAll, describe, expect, test } from 'vitest';
import {
  coverage,
  DynamicQuantizedLinear,
  DynamicQuantizedMultiheadAttention,
  loadQuantized,
  print,
  quantizeDynamic,
  saveQuantized,
} from '../../src/index.js';
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

describe('attention in dynamic int8', () => {
  const x = noise([5, 2, 16], 4);
  const mask = new Tensor(
    'bool',
    Uint8Array.from({ length: 25 }, (_, i) => Number(i % 5 > i / 5)),
    [5, 5],
  );
  const cases: [string, nn.MultiheadAttentionOptions, [Tensor, Tensor, Tensor], nn.AttentionOptions][] = [
    ['self-attention with a mask', {}, [x, x, x], { attnMask: mask }],
    ['cross-attention, one width', { bias: false }, [x, noise([3, 2, 16], 5), noise([3, 2, 16], 6)], {}],
    [
      'widths of their own, batch first, one matrix a head',
      { kdim: 6, vdim: 3, batchFirst: true },
      [noise([2, 4, 16], 7), noise([2, 3, 6], 8), noise([2, 3, 3], 9)],
      {
        keyPaddingMask: new Tensor('bool', Uint8Array.of(0, 0, 1, 0, 1, 0), [2, 3]),
        averageAttnWeights: false,
      },
    ],
    ['without weights', {}, [x, x, x], { needWeights: false }],
  ];
  test.each(cases)('%s is near the float form and comes back from a file', async (_name, options, inputs, call) => {
    const float = new nn.MultiheadAttention(16, 4, options);
    const int8 = quantizeDynamic(float) as unknown as DynamicQuantizedMultiheadAttention;
    expect(int8).toBeInstanceOf(DynamicQuantizedMultiheadAttention);
    const [expected, weights] = float.call(...inputs, call);
    const [output, int8Weights] = int8.call(...inputs, call);
    expect(sqnr(expected, output)).toBeGreaterThan(30);
    expect(int8Weights?.dims).toEqual(weights?.dims);
    if (weights !== null && int8Weights !== null) expect(sqnr(weights, int8Weights)).toBeGreaterThan(30);

    await saveQuantized(int8, join(folder, 'int8.safetensors'));
    for (const model of [undefined, new nn.MultiheadAttention(16, 4, options), int8]) {
      const loaded = await loadQuantized<DynamicQuantizedMultiheadAttention>(
        join(folder, 'int8.safetensors'),
        model as DynamicQuantizedMultiheadAttention,
      );
      expect(print(loaded)).toBe(print(int8));
      expect(bits(loaded.call(...inputs, call)[0])).toEqual(bits(output));
    }
  });

  test('its linears are modules with PyTorch’s keys and rows of the report', () => {
    const int8 = quantizeDynamic(new nn.Sequential(new nn.MultiheadAttention(16, 4)));
    expect(print(int8)).toMatchInlineSnapshot(`
      "Sequential(
        (0): DynamicQuantizedMultiheadAttention(
          (linear_Q): DynamicQuantizedLinear(in_features=16, out_features=16, dtype=torch.qint8, qscheme=torch.per_channel_affine)
          (linear_K): DynamicQuantizedLinear(in_features=16, out_features=16, dtype=torch.qint8, qscheme=torch.per_channel_affine)
          (linear_V): DynamicQuantizedLinear(in_features=16, out_features=16, dtype=torch.qint8, qscheme=torch.per_channel_affine)
          (out_proj): DynamicQuantizedLinear(in_features=16, out_features=16, dtype=torch.qint8, qscheme=torch.per_channel_affine)
        )
      )"
    `);
    expect(coverage(int8).rows.map(({ path, precision }) => [path, precision])).toEqual(
      ['linear_Q', 'linear_K', 'linear_V', 'out_proj'].map((name) => [`0.${name}`, 'int8']),
    );
    expect(Object.keys(int8.stateDict())).toContain('0.linear_Q._packed_params.weight');
    expect(coverage(int8).int8Share).toBe(1);
  });

  test('out_proj obeys its own qconfig, and weights that are not finite are named', () => {
    const model = new nn.Sequential(new nn.MultiheadAttention(16, 4));
    const int8 = quantizeDynamic(model, { '': perRowDynamicQConfig, '0.out_proj': null });
    const { linear_V, out_proj } = int8.at(0) as unknown as DynamicQuantizedMultiheadAttention;
    expect([linear_V.typeName, out_proj.typeName]).toEqual(['DynamicQuantizedLinear', 'Linear']);
    const broken = new nn.MultiheadAttention(2, 1);
    (broken.in_proj_weight as Tensor<'float32'>).data[9] = Number.NaN;
    expect(() => quantizeDynamic(new nn.Sequential(broken))).toThrow(
      /^\[quantizeDynamic\] 0: linear_V: element 1 is NaN/,
    );
  });
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
