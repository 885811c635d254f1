import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { F, nn, Tensor } from '@octavo/core';
import {
  floatQParamsWeightOnlyQConfig,
  floatQParamsWeightOnlyQConfig4Bit,
  perRowDynamicQConfig,
} from '@octavo/observers';
import { afterAll, describe, expect, test } from 'vitest';
import {
  coverage,
  loadQuantized,
  modelSize,
  QuantizedEmbedding,
  QuantizedEmbeddingBag,
  quantizeDynamic,
  saveQuantized,
} from '../../src/index.js';
import { goldenTest } from '../support/golden.js';
import { bits, ids, noise, tinyModel } from '../support/models.js';

const folder = mkdtempSync(join(tmpdir(), 'octavo-embedding-'));
afterAll(() => rmSync(folder, { recursive: true }));

const list = (values: number[]): Tensor => Tensor.from(values, { dtype: 'int64' });

function embedding(weight: Tensor): nn.Embedding {
  const [rows, width] = weight.dims as [number, number];
  const module = nn.skipInit(() => new nn.Embedding(rows, width));
  module.weight = weight;
  return module;
}

function bag(weight: Tensor, options: nn.EmbeddingBagOptions = { mode: 'sum' }): nn.EmbeddingBag {
  const [rows, width] = weight.dims as [number, number];
  const module = nn.skipInit(() => new nn.EmbeddingBag(rows, width, options));
  module.weight = weight;
  return module;
}

const QCONFIGS = { quint8: floatQParamsWeightOnlyQConfig, quint4x2: floatQParamsWeightOnlyQConfig4Bit };

describe('quantizeDynamic', () => {
  test.each(['quint8', 'quint4x2'] as const)('%s makes tables of embeddings and bags, and nothing else', (dtype) => {
    const model = new nn.Sequential(
      new nn.Embedding(9, 4),
      new nn.Linear(4, 4),
      new nn.EmbeddingBag(9, 4, { mode: 'sum' }),
    );
    const q = quantizeDynamic(model, null, { dtype });
    expect(String(q)).toBe(`Sequential(
  (0): QuantizedEmbedding(num_embeddings=9, embedding_dim=4, dtype=torch.${dtype}, qscheme=torch.per_channel_affine_float_qparams)
  (1): Linear(in_features=4, out_features=4, bias=True)
  (2): QuantizedEmbeddingBag(num_embeddings=9, embedding_dim=4, dtype=torch.${dtype}, qscheme=torch.per_channel_affine_float_qparams)
)`);
    const int = dtype === 'quint8' ? 'int8' : 'int4';
    expect(coverage(q).rows.map(({ precision }) => precision)).toEqual([int, 'float32', int]);
  });

  test('by type and qconfig, beside int8 linears', () => {
    const q = quantizeDynamic(
      tinyModel(),
      new Map<never, never>([
        [nn.Linear, perRowDynamicQConfig],
        [nn.Embedding, floatQParamsWeightOnlyQConfig],
      ] as never),
    );
    expect(q.embedding).toBeInstanceOf(QuantizedEmbedding);
    expect(coverage(q).rows.find(({ path }) => path === 'embedding')).toEqual({
      path: 'embedding',
      op: 'QuantizedEmbedding',
      precision: 'int8',
      reason: '8-bit rows, a scale and a float zero point each',
    });
    const reason = coverage(quantizeDynamic(tinyModel())).rows.find(({ path }) => path === 'embedding')?.reason;
    expect(reason).toContain("dtype 'quint8'");
  });

  test('what has no quantized form says why', () => {
    const one = (options: nn.EmbeddingBagOptions): unknown =>
      quantizeDynamic(new nn.Sequential(bag(noise([3, 2]), options)), null, { dtype: 'quint8' });
    expect(() => one({ mode: 'max' })).toThrow(
      "[quantizeDynamic] 0: [QuantizedEmbeddingBag] a quantized table has no mode 'max'",
    );
    expect(() => one({ paddingIdx: 1 })).toThrow('has no paddingIdx 1');
    expect(() => QuantizedEmbedding.fromFloat(embedding(noise([2, 2])), perRowDynamicQConfig)).toThrow(
      'perRowDynamicQConfig is no qconfig for embeddings',
    );
    expect(() => quantizeDynamic(new nn.Embedding(4, 3), null, { dtype: 'quint4x2' })).toThrow('width a multiple of 2');
    const broken = embedding(Tensor.from([[1, Number.NaN]]));
    expect(() => quantizeDynamic(new nn.Sequential(broken), null, { dtype: 'quint8' })).toThrow(
      '0: weight: element 1 is NaN',
    );
  });
});

describe('numbers', () => {
  test.each([
    ['quint8', 255],
    ['quint4x2', 15],
  ] as const)('%s elements lie within a step of the float table', (dtype, steps) => {
    const weight = noise([20, 8], 2);
    const table = QuantizedEmbedding.fromFloat(embedding(weight), QCONFIGS[dtype]).call(ids([[...Array(20).keys()]]));
    for (let row = 0; row < 20; row++) {
      const values = weight.data.slice(row * 8, row * 8 + 8);
      const step = (Math.max(...values) - Math.min(...values)) / steps;
      // float16 keeps scale and bias of 4-bit rows to 2^-11: of up to 15 codes, half a step at most together with these.
      for (const [i, x] of values.entries())
        expect(Math.abs(x - Number(table.data[row * 8 + i]))).toBeLessThan(0.55 * step);
    }
  });

  test('bags are sums of the rows, by offsets or as rows of ids, and means of them', () => {
    const weight = noise([9, 4], 3);
    const table = QuantizedEmbedding.fromFloat(embedding(weight), QCONFIGS.quint8).weight;
    const sums = QuantizedEmbeddingBag.fromFloat(bag(weight), QCONFIGS.quint8);
    const exact = (indices: Tensor, offsets: Tensor, options: object): Tensor =>
      F.embeddingBag(indices, table, offsets, options);
    const close = (got: Tensor, expected: Tensor): void => {
      expect(got.dims).toEqual(expected.dims);
      for (const [i, x] of expected.data.entries()) expect(got.data[i]).toBeCloseTo(Number(x), 5);
    };
    const [indices, offsets] = [list([1, 8, 3, 3, 0]), list([0, 2, 2])];
    close(sums.call(indices, offsets), exact(indices, offsets, { mode: 'sum' }));
    const rows = ids([
      [1, 8],
      [4, 4],
    ]);
    expect(bits(sums.call(rows))).toEqual(bits(sums.call(list([1, 8, 4, 4]), list([0, 2]))));
    const perSampleWeights = noise([2, 2], 4);
    close(sums.call(rows, null, perSampleWeights), exact(rows, null as never, { mode: 'sum', perSampleWeights }));
    const means = QuantizedEmbeddingBag.fromFloat(bag(weight, { mode: 'mean' }), QCONFIGS.quint8);
    close(means.call(indices, offsets), exact(indices, offsets, { mode: 'mean' }));
    close(means.call(rows), exact(rows, null as never, { mode: 'mean' }));
    const last = QuantizedEmbeddingBag.fromFloat(bag(weight, { includeLastOffset: true }), QCONFIGS.quint8);
    close(last.call(indices, list([0, 2, 5])), exact(indices, list([0, 2]), { mode: 'mean' }));
    expect(() => means.call(rows, null, perSampleWeights)).toThrow("perSampleWeights belong to mode 'sum' only");
    expect(() => sums.call(indices)).toThrow('expected indices [bags, n], or [n] with offsets; got [5]');
  });
});

describe('files', () => {
  test('keys are PyTorch’s, and a table comes back with the same bits, with or without a model', async () => {
    const model = new nn.Sequential(embedding(noise([64, 32], 1)));
    for (const dtype of ['quint8', 'quint4x2'] as const) {
      const path = join(folder, `${dtype}.safetensors`);
      const q = quantizeDynamic(model, [nn.Embedding], { dtype });
      expect(Object.keys(q.stateDict())).toEqual(['0._packed_params.dtype', '0._packed_params._packed_weight']);
      expect(Number(q.stateDict()['0._packed_params.dtype']?.item())).toBe(dtype === 'quint8' ? 13 : 16);
      await saveQuantized(q, path);
      for (const into of [undefined, model, q]) {
        const loaded = await loadQuantized(path, into);
        expect(bits(loaded.call(list([63, 0])))).toEqual(bits(q.call(list([63, 0]))));
        expect(String(loaded)).toBe(String(q));
      }
    }
    const sizes = (['quint8', 'quint4x2'] as const).map((dtype) => modelSize(quantizeDynamic(model, null, { dtype })));
    expect(modelSize(model) - (sizes[0] as number)).toBeGreaterThan(64 * (4 * 32 - 40) - 400);
    expect((sizes[0] as number) - (sizes[1] as number)).toBeGreaterThan(64 * (40 - 20) - 100);
  });

  test('bags come back with their mode', async () => {
    const path = join(folder, 'bag.safetensors');
    const q = quantizeDynamic(bag(noise([9, 4]), { mode: 'mean' }), null, { dtype: 'quint4x2' });
    await saveQuantized(q, path);
    const loaded = await loadQuantized(path);
    const rows = ids([[1, 2, 8]]);
    expect(bits(loaded.call(rows))).toEqual(bits(q.call(rows)));
    await saveQuantized(bag(noise([9, 4]), { paddingIdx: 2 }), path);
    expect(String(await loadQuantized(path))).toBe("EmbeddingBag(9, 4, padding_idx=2, mode='mean')");
  });

  test('a state dict of the other width is refused', () => {
    const [byte, half] = (['quint8', 'quint4x2'] as const).map((dtype) =>
      QuantizedEmbedding.fromFloat(embedding(noise([4, 8])), QCONFIGS[dtype]),
    ) as [QuantizedEmbedding, QuantizedEmbedding];
    expect(() => byte.loadStateDict(half.stateDict())).toThrow('_packed_params._packed_weight: expected uint8 [4, 16]');
    const wrong = { ...byte.stateDict(), '_packed_params.dtype': half.stateDict()['_packed_params.dtype'] as Tensor };
    expect(() => byte.loadStateDict(wrong)).toThrow('_packed_params.dtype must be 13, got 16');
  });
});

goldenTest(
  'the modules of PyTorch, bit for bit; bags within the stored tolerance',
  'embedding',
  ({ cases, tensor }) => {
    let checked = 0;
    for (const { name, op, inputs, outputs, exact, tolerance = 0 } of cases) {
      if (!/^embedding_(bag_)?(byte|4bit)$/.test(op)) continue;
      const weight = tensor(inputs.weight);
      const qconfig = QCONFIGS[op.endsWith('byte') ? 'quint8' : 'quint4x2'];
      const got = op.includes('bag')
        ? QuantizedEmbeddingBag.fromFloat(bag(weight), qconfig).call(tensor(inputs.indices), tensor(inputs.offsets))
        : QuantizedEmbedding.fromFloat(embedding(weight), qconfig).call(tensor(inputs.indices));
      const expected = tensor(outputs.y).data as Float32Array;
      if (exact) expect(got.data, name).toEqual(expected);
      for (const [i, x] of got.data.entries())
        expect(Math.abs(x - Number(expected[i])), name).toBeLessThanOrEqual(tolerance);
      checked++;
    }
    expect(checked).toBe(10);
  },
);
