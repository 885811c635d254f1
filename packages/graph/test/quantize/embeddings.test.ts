import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Module, nn, Q, Tensor } from '@octavo/core';
import {
  defaultPerChannelQConfig,
  floatQParamsWeightOnlyQConfig,
  floatQParamsWeightOnlyQConfig4Bit,
  perRowDynamicQConfig,
  QConfigMapping,
  sqnr,
} from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import {
  calibrate,
  coverage,
  graphSizeBytes,
  loadGraph,
  prepareDynamic,
  quantize,
  quantizeDynamic,
  saveGraph,
  trace,
} from '../../src/index.js';
import { insertWeightObservers } from '../../src/passes/insert-weight-observers.js';
import { seeded, sentences, TinyClassifier } from '../models.js';

const feeds = sentences([3, 5]);
const float = trace(
  seeded(() => new TinyClassifier()),
  feeds,
);
const words = { words: floatQParamsWeightOnlyQConfig };
const output = (graph: typeof float) => Object.values(graph.run(feeds))[0] as Tensor<'float32'>;

describe('embeddings in 8 and 4 bits', () => {
  it('looks rows up in packed bytes where a qconfig for tables says so', () => {
    const int8 = quantizeDynamic(float, words);
    expect(int8.print()).toContain('prim::GetAttr[name="words._packed_weight"]');
    expect(int8.print()).toContain('quantized::embedding_byte(');
    expect(int8.print()).toContain('aten::embedding('); // positions
    expect(() => int8.get('words.weight')).toThrow(/frozen and packed/);
    // 8 bits of values around 1: half a step is 1 / 100 of them, 40 dB; both tables of a sum halve the error's share.
    expect(sqnr(output(float), output(int8))).toBeGreaterThan(35);
  });

  it('takes 4 bits, in a quarter of the bytes of 16', () => {
    const int4 = quantizeDynamic(float, { words: floatQParamsWeightOnlyQConfig4Bit });
    expect(int4.print()).toContain('quantized::embedding_4bit(');
    expect((int4.parameters.get('words._packed_weight') as Tensor).dims).toEqual([20, 8 / 2 + 4]);
  });

  it('covers every embedding by its type, beside dynamic linears', () => {
    const mapping = new QConfigMapping()
      .setGlobal(perRowDynamicQConfig)
      .setObjectType('Embedding', floatQParamsWeightOnlyQConfig);
    const int8 = quantizeDynamic(float, mapping);
    expect(int8.print()).not.toContain('aten::embedding(');
    const rows = coverage(int8).rows.filter(({ op }) => op === 'quantized::embedding_byte');
    expect(rows.map(({ path, precision, reason }) => `${path}: ${precision}, ${reason}`)).toEqual([
      'words: int8, weight only',
      'positions: int8, weight only',
    ]);
    expect(graphSizeBytes(int8)).toBeLessThan(graphSizeBytes(quantizeDynamic(float, { '': perRowDynamicQConfig })));
  });

  it('goes with static quantization; other ops below such an entry stay float', async () => {
    const int8 = await quantize(float, { '': defaultPerChannelQConfig, ...words }, calibrate, [[feeds]]);
    expect(int8.print()).toContain('quantized::embedding_byte(');
    expect(int8.print()).toContain('quantized::linear');
    const only = await quantize(
      float,
      { '': floatQParamsWeightOnlyQConfig, classifier: defaultPerChannelQConfig },
      calibrate,
      [[feeds]],
    );
    const linears = coverage(only).rows.filter(({ op }) => op.endsWith('::linear'));
    expect(linears.filter(({ precision }) => precision === 'int8').map(({ path }) => path)).toEqual(['classifier']);
    expect(linears[0]?.reason).toBe('its qconfig is one for weights alone');
  });

  it('is saved and loaded with all its bits', async () => {
    const int8 = quantizeDynamic(float, { '': perRowDynamicQConfig, ...words });
    const file = join(mkdtempSync(join(tmpdir(), 'octavo-')), 'int8.octavo');
    await saveGraph(int8, file);
    const loaded = await loadGraph(file);
    expect(loaded.print()).toBe(int8.print());
    expect(output(loaded).data).toEqual(output(int8).data);
    rmSync(dirname(file), { recursive: true });
  });

  it('holds the values of the packed rows as float weights in debug mode, with the same bits', () => {
    const [debug, int8] = [true, false].map((mode) => quantizeDynamic(float, words, { debug: mode }));
    expect(debug?.print()).not.toContain('quantized::');
    expect(debug?.get('words.weight').dims).toEqual([20, 8]);
    expect(output(debug as typeof float).data).toEqual(output(int8 as typeof float).data);
  });

  it('observes a table once, and no second time', () => {
    const prepared = prepareDynamic(float, words);
    const before = prepared.print();
    expect(before).toContain('octavo::observe');
    const again = insertWeightObservers({ get: () => floatQParamsWeightOnlyQConfig } as never)(prepared.clone());
    expect(again.print().match(/octavo::observe/g)).toHaveLength(2); // words, and now positions
  });
});

class Bags extends Module<(ids: Tensor, offsets: Tensor) => Tensor> {
  bag: nn.EmbeddingBag;
  fc = new nn.Linear(8, 3);

  constructor(options: ConstructorParameters<typeof nn.EmbeddingBag>[2]) {
    super();
    this.bag = new nn.EmbeddingBag(20, 8, options);
  }

  forward(ids: Tensor, offsets: Tensor): Tensor {
    return this.fc.call(this.bag.call(ids, offsets));
  }
}

describe('bags of embeddings', () => {
  const bags = {
    ids: Tensor.from([1, 5, 19, 5, 0], { dtype: 'int64' }),
    offsets: Tensor.from([0, 2, 2], { dtype: 'int64' }),
  };
  const model = seeded(() => new Bags({ mode: 'sum' }));
  const bagsFloat = trace(model, bags);

  it.each([
    [floatQParamsWeightOnlyQConfig, 'quantized::embedding_bag_byte_rowwise_offsets', 8 + 8, 'int8'],
    [floatQParamsWeightOnlyQConfig4Bit, 'quantized::embedding_bag_4bit_rowwise_offsets', 4 + 4, 'int4'],
  ] as const)(
    'are sums of packed rows, beside dynamic linears; saved, loaded, covered (%#)',
    async (qconfig, op, bytes, precision) => {
      const mapping = new QConfigMapping().setGlobal(perRowDynamicQConfig).setObjectType('EmbeddingBag', qconfig);
      const quantized = quantizeDynamic(bagsFloat, mapping);
      expect(quantized.print()).toContain(`= ${op}[includeLastOffset=0](`);
      expect(quantized.print()).toContain('quantized::linear_dynamic');
      const packed = quantized.parameters.get('bag._packed_weight') as Tensor;
      expect(packed.dims).toEqual([20, bytes]);
      expect(coverage(quantized).rows.map((row) => `${row.path} ${row.precision}`)).toEqual([
        `bag ${precision}`,
        'fc int8',
      ]);

      const sums = quantizeDynamic(
        trace((ids: Tensor, offsets: Tensor) => model.bag.call(ids, offsets), bags),
        { '': qconfig },
      );
      const expected = Q.embeddingBag(packed, bags.ids, bags.offsets, { bits: precision === 'int8' ? 8 : 4 });
      expect(sums.run(bags).output?.data).toEqual(expected.data);

      const file = join(mkdtempSync(join(tmpdir(), 'octavo-')), 'bags.octavo');
      await saveGraph(quantized, file);
      const loaded = await loadGraph(file);
      expect(loaded.print()).toBe(quantized.print());
      expect(loaded.run(bags).output?.data).toEqual(quantized.run(bags).output?.data);
      rmSync(dirname(file), { recursive: true });
    },
  );

  it('keep the values of the packed rows as float weights in debug mode', () => {
    const debug = quantizeDynamic(bagsFloat, { bag: floatQParamsWeightOnlyQConfig }, { debug: true });
    const int8 = quantizeDynamic(bagsFloat, { bag: floatQParamsWeightOnlyQConfig });
    expect(debug.print()).toContain('aten::embedding_bag');
    expect(sqnr(debug.run(bags).output as Tensor, int8.run(bags).output as Tensor)).toBeGreaterThan(120);
  });

  it.each([
    [{ mode: 'mean' }, "a packed table has bags of mode 'sum' only"],
    [{ mode: 'sum', paddingIdx: 0 }, 'a packed table has no padding index'],
  ] as const)('stay float where a packed table has no such form: %o', (options, reason) => {
    const graph = trace(
      seeded(() => new Bags(options)),
      bags,
    );
    const rows = coverage(quantizeDynamic(graph, { '': floatQParamsWeightOnlyQConfig })).rows;
    expect(rows[0]).toMatchObject({ path: 'bag', precision: 'float32', reason });
  });
});
