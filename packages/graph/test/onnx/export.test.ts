import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { F, Module, nn, Tensor } from '@octavo/core';
import {
  defaultDynamicQConfig,
  floatQParamsWeightOnlyQConfig,
  getDefaultQConfig,
  perChannelDynamicQConfig,
  perRowDynamicQConfig,
  staticTransformerQConfig,
  weightOnlyInt4QConfig,
  weightOnlyInt8QConfig,
} from '@octavo/observers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  calibrate,
  exportOnnx,
  type Graph,
  importOnnx,
  prepareDynamic,
  quantize,
  quantizeAttention,
  quantizeDynamic,
  trace,
} from '../../src/index.js';
import { encodeOnnx } from '../../src/onnx/export/written-model.js';
import { images, tinyConvNet } from '../conv-models.js';
import { floats, floatsOf, seeded, sentences, TinyClassifier } from '../models.js';
import { optimizedOps, runInOrt } from './ort.js';
import { largestDifference, SHARED_MODELS, storedCases } from './shared-models.js';

const folder = mkdtempSync(join(tmpdir(), 'octavo-export-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Rounding of float sums in another order, over the depth of these models: 2^-18 of the largest output. */
function floatTolerance(expected: Tensor | undefined): number {
  return floatsOf(expected).reduce((most, x) => Math.max(most, Math.abs(x)), 1) * 2 ** -18;
}

async function compareInOrt(graph: Graph, feeds: Record<string, Tensor>, tolerance?: number): Promise<void> {
  const bytes = encodeOnnx(graph);
  const theirs = await runInOrt(bytes, feeds);
  const again = (await importOnnx(bytes)).run(feeds);
  for (const [name, ours] of Object.entries(graph.run(feeds))) {
    const most = tolerance ?? floatTolerance(ours);
    expect(largestDifference(theirs[name], ours), `${name} in ONNX Runtime`).toBeLessThanOrEqual(most);
    expect(largestDifference(again[name], ours), `${name} imported again`).toBeLessThanOrEqual(most);
  }
}

const classifier = (): Graph =>
  trace(
    seeded(() => new TinyClassifier()),
    sentences([3, 5]),
  );
const convNet = (): Graph => trace(tinyConvNet().eval(), images(2));

describe('float graphs', () => {
  it('a text classifier gives its float results at any batch and length', async () => {
    const graph = classifier();
    await compareInOrt(graph, sentences([3, 5]));
    await compareInOrt(graph, sentences([7, 2, 6, 1]));
  });

  it('a convolutional network gives its float results at any batch', async () => {
    await compareInOrt(convNet(), images(2));
    await compareInOrt(convNet(), images(5));
  });
});

/** Every module of nn that a network for images has, with sizes that show which axis is which. */
class Assorted extends Module<(x: Tensor) => Tensor> {
  transposed = new nn.ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1 });
  group = new nn.GroupNorm(2, 6);
  up = new nn.Upsample({ size: [9, 11], mode: 'bilinear' });
  nearest = new nn.Upsample({ size: [20, 28], mode: 'nearest' });
  pad = new nn.ZeroPad2d([1, 2, 0, 1]);
  average = new nn.AvgPool2d(3, { stride: 2, padding: 1 });
  conv = new nn.Conv1d(6, 3, 3, { dilation: 2 });

  forward(x: Tensor): Tensor {
    let y = this.group.call(this.transposed.call(x));
    y = F.hardswish(this.up.call(y));
    y = F.silu(this.nearest.call(this.pad.call(F.leakyRelu(y, 0.1))));
    y = this.average.call(F.add(F.elu(y, 0.5), F.celu(y, 2)));
    y = F.logSoftmax(F.hardsigmoid(this.conv.call(F.reshape(y, [0, 6, -1]))), 1);
    return F.cat([F.slice(y, 2, 1, 4), F.unsqueeze(F.mean(y, [2]), 2)], 2);
  }
}

describe('other ops', () => {
  it('are written in the form that gives their results', async () => {
    const feeds = { x: floats([2, 4, 5, 6], 3) };
    await compareInOrt(
      trace(
        seeded(() => new Assorted()),
        feeds,
      ),
      feeds,
    );
  });

  it.skipIf(SHARED_MODELS === null).each(['tiny_bert_float', 'tiny_resnet_float', 'lstm_float'])(
    '%s, imported and exported, gives what it gave',
    async (name) => {
      const graph = await importOnnx(`${SHARED_MODELS}onnx/${name}.onnx`);
      for (const { inputs } of await storedCases(name)) await compareInOrt(graph, inputs);
    },
  );
});

it('adaptive pools in unequal parts are means of parts', async () => {
  const feeds = { x: floats([2, 3, 5, 7], 3) };
  await compareInOrt(
    trace((x: Tensor) => F.adaptiveAvgPool2d(x, [2, 3]), feeds),
    feeds,
  );
});

/** Module and op of each int8 node; sums by one name, whose rounding ONNX Runtime has its own of. */
function placesOf(graph: Graph): [scope: string, op: string][] {
  return [...graph.nodes()]
    .filter(({ op }) => /^quantized::|^octavo::add_linear$/.test(op))
    .map(({ scope, op }) => [scope, op.replace(/^.*::add\w*/, 'add')]);
}

describe('int8 graphs', () => {
  const qconfig = getDefaultQConfig('onednn');
  let float: Graph;
  let int8: Graph;
  beforeAll(async () => {
    float = convNet();
    int8 = await quantize(float, { '': qconfig }, calibrate, [[images(8)]]);
  });

  it('a static network runs in int8 ops in ONNX Runtime, at most one code of the result away', async () => {
    const last = [...int8.nodes()].findLast(({ op }) => op === 'quantized::linear');
    const scale = last?.attrs.scale as number;
    for (const count of [1, 8]) await compareInOrt(int8, images(count), scale * (1 + 2 ** -20));
    const ops = await optimizedOps(encodeOnnx(int8), folder);
    expect(ops.filter((op) => op === 'QLinearConv')).toHaveLength(4);
    expect(ops).toContain('QGemm');
    expect(ops).toContain('QLinearAdd');
    expect(ops).not.toContain('Conv');
    expect(ops.filter((op) => op === 'QuantizeLinear' || op === 'DequantizeLinear')).toHaveLength(2);
  });

  it.each(['onednn', 'fbgemm'] as const)(
    'a static network comes back as the int8 ops that it was, from %s',
    async (preset) => {
      const graph = await quantize(float, { '': getDefaultQConfig(preset) }, calibrate, [[images(8)]]);
      const again = await importOnnx(encodeOnnx(graph));
      expect(again.stage).toBe('quantized');
      expect(placesOf(again)).toEqual(placesOf(graph));
    },
  );

  it('a static network comes back with the same integers where no bias has to be rounded', async () => {
    const [up, across, down] = seeded(
      () =>
        [
          new nn.Conv2d(3, 8, 3, { bias: false }),
          new nn.Conv2d(8, 8, 3, { padding: 1, bias: false }),
          new nn.Linear(8, 5, { bias: false }),
        ] as const,
    );
    const model = (input: Tensor): Tensor => {
      const x = F.relu6(up.call(input));
      const y = F.relu(F.add(across.call(x), x));
      return down.call(F.reshape(F.adaptiveAvgPool2d(y, 1), [0, -1]));
    };
    const graph = await quantize(trace(model, images(2)), { '': getDefaultQConfig('fbgemm') }, calibrate, [
      [images(8)],
    ]);
    const again = await importOnnx(encodeOnnx(graph));
    expect(placesOf(again)).toEqual(placesOf(graph));
    const feeds = images(16, 3);
    expect(floatsOf(again.run(feeds).output)).toEqual(floatsOf(graph.run(feeds).output));
  });

  it('a debug graph is written as the pairs that it has', async () => {
    const debug = await quantize(float, { '': qconfig }, calibrate, [[images(8)]], { debug: true });
    const last = [...int8.nodes()].findLast(({ op }) => op === 'quantized::linear');
    await compareInOrt(debug, images(3), (last?.attrs.scale as number) * (1 + 2 ** -20));
  });

  it.each([
    ['one scale a weight', defaultDynamicQConfig],
    ['one scale a channel', perChannelDynamicQConfig],
  ])('a dynamic classifier with %s gives the same logits, in int8 products', async (_, dynamic) => {
    const graph = quantizeDynamic(classifier(), { '': dynamic });
    for (const lengths of [
      [3, 5],
      [9, 1, 4],
    ])
      await compareInOrt(graph, sentences(lengths));
    const ops = await optimizedOps(encodeOnnx(graph), folder);
    expect(ops.filter((op) => op === 'MatMulInteger' || op === 'MatMulIntegerToFloat')).toHaveLength(12);
    // Q, K and V of a layer read one set of codes.
    expect(ops.filter((op) => op === 'QuantizeLinear')).toHaveLength(8);
  });

  it('ranges of rows are spelled out around int8 products', async () => {
    const graph = quantizeDynamic(classifier(), { '': perRowDynamicQConfig });
    for (const lengths of [
      [3, 5],
      [9, 1, 4],
    ])
      await compareInOrt(graph, sentences(lengths));
    const ops = await optimizedOps(encodeOnnx(graph), folder);
    expect(ops.filter((op) => op === 'MatMulInteger')).toHaveLength(12);
  });

  it.each([
    ['reduced ranges', defaultDynamicQConfig],
    ['ranges of rows', perRowDynamicQConfig],
  ])('a classifier of %s is itself again when its file is imported', async (_, dynamic) => {
    const graph = quantizeDynamic(classifier(), { '': dynamic });
    const again = await importOnnx(encodeOnnx(graph));
    const opsOf = (of: Graph): string[] => [...of.nodes()].map(({ op }) => op).filter((op) => !op.startsWith('prim::'));
    expect(opsOf(again).sort()).toEqual(opsOf(graph).sort());
    const feeds = sentences([3, 5]);
    const [name] = graph.outputs.map((output) => output.name);
    expect(floatsOf(again.run(feeds)[name as string])).toEqual(floatsOf(graph.run(feeds)[name as string]));
  });

  it('linears whose results stay float, and gelu and padding in codes, run from static ranges', async () => {
    const text = classifier();
    const [first, second] = [sentences([3, 5]), sentences([4, 2])];
    const transformer = await quantize(text, { '': staticTransformerQConfig }, calibrate, [[first, second]]);
    expect(transformer.print()).toContain('octavo::linear_quantized');
    // A code beside a tie moves what the layers behind make of it: 2^-6 of the logits here, which are around 1.
    await compareInOrt(transformer, first, 2 ** -6);

    const [up, down] = seeded(() => [new nn.Conv2d(3, 4, 3), new nn.Conv2d(4, 2, 3)] as const);
    const padded = trace((x: Tensor) => down.call(F.pad(F.gelu(up.call(x)), [1, 0, 0, 2])), {
      x: floats([2, 3, 6, 6]),
    });
    const int8Padded = await quantize(padded, { '': qconfig }, calibrate, [[{ x: floats([4, 3, 6, 6], 2) }]]);
    expect(int8Padded.print()).toMatch(/quantized::gelu.*[\s\S]*quantized::pad/);
    const scale = [...int8Padded.nodes()].findLast(({ op }) => op === 'quantized::conv')?.attrs.scale as number;
    await compareInOrt(int8Padded, { x: floats([3, 3, 6, 6], 5) }, scale * (1 + 2 ** -20));
  });

  it('attention over codes has the same integers', async () => {
    const graph = quantizeAttention(classifier());
    expect(graph.print()).toContain('octavo::multi_head_attention_int8');
    for (const lengths of [
      [3, 5],
      [9, 1, 4],
    ])
      await compareInOrt(graph, sentences(lengths));
    const ops = await optimizedOps(encodeOnnx(graph), folder);
    expect(ops.filter((op) => op === 'MatMulInteger' || op === 'MatMulIntegerToFloat')).toHaveLength(4);
  });

  it.each([
    ['no mask', null],
    ['a mask of queries and keys', [2, 1, 5, 7]],
    ['a mask of heads', [1, 3, 1, 1]],
  ])('attention over codes with %s', async (_, dims) => {
    const mask = dims && floats(dims, 4);
    // Some keys of one item are masked for every query, others for some.
    if (dims?.length === 4 && dims[3] === 7) {
      mask?.data.forEach((_, i) => {
        if (i % 7 === 6 || i % 11 === 3) mask.data[i] = -3e4;
      });
    }
    const feeds = {
      q: floats([2, 5, 12], 1),
      k: floats([2, 7, 12], 2),
      v: floats([2, 7, 12], 3),
      ...(mask && { mask }),
    };
    const traced = trace(
      (q: Tensor, k: Tensor, v: Tensor, bias?: Tensor) => F.multiHeadAttention(q, k, v, bias ?? null, { heads: 3 }),
      feeds,
    );
    await compareInOrt(quantizeAttention(traced), feeds);
  });

  it.each([weightOnlyInt8QConfig, weightOnlyInt4QConfig])('weights in groups are dequantized, %#', async (weights) => {
    const layer = trace(
      seeded(() => new nn.Linear(256, 8)),
      { x: floats([2, 256]) },
    );
    const packed = quantizeDynamic(layer, { '': weights });
    expect(packed.print()).toContain('octavo::linear_weight_only');
    await compareInOrt(packed, { x: floats([3, 256], 5) });
  });

  it('embedding tables stay in their codes', async () => {
    const dynamic = quantizeDynamic(classifier(), { words: floatQParamsWeightOnlyQConfig });
    expect(dynamic.print()).toContain('quantized::embedding_byte');
    await compareInOrt(dynamic, sentences([3, 5]));
  });
});

describe('the file', () => {
  it('is whole or not there, and tells its size', async () => {
    const file = join(folder, 'model.onnx');
    const size = await exportOnnx(convNet(), file);
    expect(readdirSync(folder).filter((name) => name.startsWith('model'))).toEqual(['model.onnx']);
    expect(size).toBe(encodeOnnx(convNet()).length);
    const feeds = images(2);
    expect(largestDifference((await runInOrt(file, feeds)).output, convNet().run(feeds).output)).toBeLessThan(1e-4);
    await expect(exportOnnx(convNet(), join(folder, 'none', 'model.onnx'))).rejects.toThrow(
      /none.model\.onnx: its folder does not exist/,
    );
  });

  it('leaves its weights to a file beside it from as many bytes on as one says', async () => {
    const names = (): string[] => readdirSync(folder).filter((name) => name.startsWith('large'));
    const wide = trace(
      seeded(() => new nn.Linear(64, 96)),
      { x: floats([1, 64]) },
    );
    const [file, feeds] = [join(folder, 'large.onnx'), { x: floats([3, 64], 5) }];
    await exportOnnx(wide, file, { externalDataFrom: 64 * 96 * 4 + 96 * 4 + 1 });
    expect(names()).toEqual(['large.onnx']);
    const size = await exportOnnx(wide, file, { externalDataFrom: 64 * 96 * 4 });
    expect(names()).toEqual(['large.onnx', 'large.onnx.data']);
    const sizes = names().map((name) => statSync(join(folder, name)).size) as [number, number];
    expect(sizes[0]).toBeLessThan(4096);
    expect(sizes[0] + sizes[1]).toBe(size);
    const ours = wide.run(feeds).output;
    expect(largestDifference((await runInOrt(file, feeds)).output, ours)).toBeLessThanOrEqual(floatTolerance(ours));
    expect((await importOnnx(file)).run(feeds).output?.data).toEqual(ours?.data);

    const int8 = quantizeDynamic(classifier(), { '': perRowDynamicQConfig });
    await exportOnnx(int8, join(folder, 'large-int8.onnx'), { externalDataFrom: 0 });
    const [logits] = Object.values(await runInOrt(join(folder, 'large-int8.onnx'), sentences([3, 5])));
    const [within] = Object.values(await runInOrt(encodeOnnx(int8), sentences([3, 5])));
    expect(logits?.data).toEqual(within?.data);
    await expect(exportOnnx(wide, file, { externalDataFrom: -1 })).rejects.toThrow('0 bytes or more, got -1');
  });

  it('holds a weight that two modules share once', () => {
    class Tied extends Module<(x: Tensor) => Tensor> {
      a = new nn.Linear(64, 64);
      b = new nn.Linear(64, 64);

      forward(x: Tensor): Tensor {
        return this.b.call(this.a.call(x));
      }
    }
    const tied = seeded(() => new Tied());
    const apart = encodeOnnx(trace(tied, { x: floats([1, 64]) })).length;
    tied.b.weight = tied.a.weight;
    const shared = encodeOnnx(trace(tied, { x: floats([1, 64]) })).length;
    expect(apart - shared).toBeGreaterThanOrEqual(64 * 64 * 4);
  });

  it('names the dims that may change, by default or as told', async () => {
    const bytes = encodeOnnx(classifier(), { dynamicAxes: { ids: { 1: 'length' }, mask: { 1: 'length' } } });
    await runInOrt(bytes, sentences([3, 6]));
    await expect(runInOrt(bytes, sentences([3, 6, 2]))).rejects.toThrow(/invalid dimensions/i);
    expect(() => encodeOnnx(classifier(), { dynamicAxes: { id: { 0: 'batch' } } })).toThrow(
      "[exportOnnx] dynamicAxes names 'id', which is no input; the inputs are ids, mask",
    );
  });
});

describe('what has no ONNX form', () => {
  it('is named, with its module', () => {
    class Largest extends Module<(ids: Tensor) => Tensor> {
      bag = new nn.EmbeddingBag(8, 4, { mode: 'max' });

      forward(ids: Tensor): Tensor {
        return this.bag.call(ids);
      }
    }
    const ids = Tensor.from([[1, 2, 3]], { dtype: 'int64' });
    expect(() => encodeOnnx(trace(new Largest(), { ids }))).toThrow(
      "[exportOnnx] aten::embedding_bag in module 'bag' has no ONNX form: no rule writes it",
    );
  });

  it('is a prepared graph too', () => {
    expect(() => encodeOnnx(prepareDynamic(classifier(), { '': defaultDynamicQConfig }))).toThrow(
      '[exportOnnx] this graph is prepared, not finished: convert it first',
    );
  });
});
