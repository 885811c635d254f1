import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { F } from '@octavo/core';
import {
  defaultPerChannelQConfig,
  floatQParamsWeightOnlyQConfig,
  perRowDynamicQConfig,
  renderComparison,
} from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import {
  calibrate,
  compareActivations,
  compareDebug,
  compareShadow,
  compareWeights,
  convert,
  type Graph,
  loadGraph,
  prepare,
  quantizeDynamic,
  renderDebugComparison,
  saveGraph,
  trace,
} from '../../src/index.js';
import { images, tinyConvNet } from '../conv-models.js';
import { floats, Mlp, seeded, sentences, TinyClassifier } from '../models.js';

const qconfig = { '': defaultPerChannelQConfig };
const batches = [images(4, 1), images(3, 2)];
const float = trace(tinyConvNet(), images(2));
const prepared = await calibrate(prepare(float, qconfig), batches);
const int8 = convert(prepared);
const debug = convert(prepared, { debug: true });
const feeds = [images(2, 11), images(3, 12)];

const namesOf = (rows: readonly { name: string }[]) => rows.map(({ name }) => name);

describe('a convolutional network, static', () => {
  it('compares what every node of the int8 graph gives with the float value it stands for', async () => {
    expect(renderComparison(await compareActivations(float, int8, feeds))).toMatchInlineSnapshot(`
      "name         op                              compared    SQNR dB    cosine  max error      float range
      conv         quantized::conv                 activation     37.9  0.999920     0.0431        0 to 3.99
      pool         quantized::max_pool2d           activation     39.8  0.999949     0.0431        0 to 3.99
      block.conv1  quantized::conv                 activation     37.7  0.999916     0.0245        0 to 2.01
      block.conv2  quantized::conv                 activation     36.3  0.999884     0.0183   -1.22 to 0.621
      block        quantized::add                  activation     37.0  0.999902     0.0512        0 to 3.69
      depthwise    quantized::conv                 activation     34.4  0.999820     0.0215       0 to 0.896
      average      quantized::adaptive_avg_pool2d  activation     37.0  0.999901    0.00663       0 to 0.339
      reshape      aten::reshape                   activation     37.0  0.999901    0.00663       0 to 0.339
      fc           quantized::linear               activation     29.7  0.999513      0.029  -0.231 to 0.351
      output                                       output         29.7  0.999513      0.029  -0.231 to 0.351
      lowest of 10: 29.7 dB at fc (activation)"
    `);
  });

  it('compares each int8 node with its float twin on the same input', async () => {
    expect(renderComparison(await compareShadow(float, int8, feeds))).toMatchInlineSnapshot(`
      "name         op                              compared  SQNR dB    cosine  max error     float range
      conv         quantized::conv                 shadow       40.2  0.999952     0.0278       0 to 4.01
      pool         quantized::max_pool2d           shadow      equal  1.000000          0          0 to 4
      block.conv1  quantized::conv                 shadow       42.3  0.999970      0.013       0 to 2.03
      block.conv2  quantized::conv                 shadow       39.5  0.999944     0.0102  -1.23 to 0.619
      block        quantized::add                  shadow       42.1  0.999969     0.0186        0 to 3.7
      depthwise    quantized::conv                 shadow       41.7  0.999966    0.00784      0 to 0.886
      average      quantized::adaptive_avg_pool2d  shadow       38.2  0.999924    0.00399       0 to 0.34
      fc           quantized::linear               shadow       30.9  0.999621     0.0262  -0.228 to 0.35
      lowest of 8: 30.9 dB at fc (shadow)"
    `);
  });

  it('compares weights by parameter name, folded ones with the folded float', () => {
    expect(renderComparison(compareWeights(float, int8))).toMatchInlineSnapshot(`
      "name                op                 compared  SQNR dB    cosine  max error      float range
      conv.weight         quantized::conv    weight       48.7  0.999993    0.00156  -0.391 to 0.397
      block.conv1.weight  quantized::conv    weight       47.9  0.999992   0.000891  -0.209 to 0.227
      block.conv2.weight  quantized::conv    weight       48.7  0.999993     0.0008  -0.204 to 0.194
      depthwise.weight    quantized::conv    weight       47.7  0.999992    0.00129  -0.328 to 0.321
      fc.weight           quantized::linear  weight       48.4  0.999993    0.00125  -0.315 to 0.318
      lowest of 5: 47.7 dB at depthwise.weight (weight)"
    `);
  });

  it('lists the nodes whose bits differ in debug mode, and why', async () => {
    expect(renderDebugComparison(await compareDebug(debug, int8, feeds))).toMatchInlineSnapshot(
      `"0 of 9 nodes differ in bits"`,
    );
  });

  it('compares prepared and debug graphs as well', async () => {
    const [ready, emulated] = [
      await compareActivations(float, prepared, feeds),
      await compareActivations(float, debug, feeds),
    ];
    expect(namesOf(ready)).toEqual([
      ...['conv', 'relu', 'pool', 'block.conv1', 'block.relu', 'block.conv2', 'block', 'block.relu_1'],
      ...['depthwise', 'relu6', 'average', 'reshape', 'fc', 'output'],
    ]);
    expect(namesOf(emulated)).toEqual(namesOf(ready));
    // Folding a batch norm rounds, and nothing else does.
    for (const { sqnr } of ready) expect(sqnr).toBeGreaterThan(130);
    const last = (await compareActivations(float, int8, feeds)).at(-1);
    expect(emulated.at(-1)).toEqual(last);
  });

  it('gives of batches what it gives of all at once', async () => {
    const all = { input: F.cat(feeds.map(({ input }) => input)) };
    expect(await compareActivations(float, int8, feeds)).toEqual(await compareActivations(float, int8, [all]));
    expect(await compareShadow(float, int8, feeds)).toEqual(await compareShadow(float, int8, [all]));
  });

  it('pairs the nodes of a graph that was saved and loaded', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'octavo-compare-'));
    const paths = [join(folder, 'float.octavo'), join(folder, 'int8.octavo')] as const;
    await saveGraph(float, paths[0]);
    await saveGraph(int8, paths[1]);
    const loaded = [await loadGraph(paths[0]), await loadGraph(paths[1])] as const;
    rmSync(folder, { recursive: true });
    expect(compareWeights(...loaded)).toEqual(compareWeights(float, int8));
    expect(await compareActivations(...loaded, feeds)).toEqual(await compareActivations(float, int8, feeds));
  });

  it('pairs the nodes of modules that stayed float', async () => {
    const partly = convert(await calibrate(prepare(float, { ...qconfig, block: null }), batches));
    expect(renderComparison(await compareActivations(float, partly, feeds))).toMatchInlineSnapshot(`
      "name          op                              compared    SQNR dB    cosine  max error      float range
      conv          quantized::conv                 activation     37.9  0.999920     0.0431        0 to 3.99
      pool          quantized::max_pool2d           activation     39.8  0.999949     0.0431        0 to 3.99
      block.conv1   aten::conv                      activation     40.2  0.999952     0.0418    -2.68 to 2.01
      block.relu    aten::relu                      activation     39.7  0.999947     0.0248        0 to 2.01
      block.conv2   aten::conv                      activation     40.9  0.999960     0.0164   -1.22 to 0.621
      block         aten::add                       activation     38.5  0.999930     0.0438    -1.17 to 3.69
      block.relu_1  aten::relu                      activation     37.3  0.999907     0.0512        0 to 3.69
      depthwise     quantized::conv                 activation     34.8  0.999836     0.0215       0 to 0.896
      average       quantized::adaptive_avg_pool2d  activation     37.0  0.999901    0.00663       0 to 0.339
      reshape       aten::reshape                   activation     37.0  0.999901    0.00663       0 to 0.339
      fc            quantized::linear               activation     29.7  0.999513      0.029  -0.231 to 0.351
      output                                        output         29.7  0.999513      0.029  -0.231 to 0.351
      lowest of 12: 29.7 dB at fc (activation)"
    `);
    expect(namesOf(await compareShadow(float, partly, feeds))).toEqual(['conv', 'pool', 'depthwise', 'average', 'fc']);
    const rounded = convert(await calibrate(prepare(float, { ...qconfig, block: null }), batches), { debug: true });
    expect(namesOf(await compareShadow(float, rounded, feeds))).toEqual([
      ...['conv', 'relu', 'pool', 'block.relu_1', 'depthwise', 'relu6', 'average', 'reshape', 'fc'],
    ]);
  });

  it('leaves the graphs as they were', async () => {
    const before = [float, int8, debug].map((graph) => graph.print());
    await compareShadow(float, int8, feeds);
    await compareActivations(float, debug, feeds);
    await compareDebug(debug, int8, feeds);
    expect([float, int8, debug].map((graph) => graph.print())).toEqual(before);
  });
});

describe('a text classifier, dynamic', () => {
  const text = trace(
    seeded(() => new TinyClassifier()),
    sentences([3, 5]),
  );
  const dynamic = quantizeDynamic(text, { '': perRowDynamicQConfig, classifier: null });
  const emulated = quantizeDynamic(text, { '': perRowDynamicQConfig, classifier: null }, { debug: true });
  const inputs = [sentences([5, 2, 7]), sentences([4])];

  it('has a row for each int8 linear, and for each float node between them', async () => {
    const linears = ['query', 'key', 'value'].map((name) => `attention.${name}`).concat('up', 'down');
    const expected = [0, 1].flatMap((i) => linears.map((name) => `layers.${i}.${name}`)).concat('pooler');
    const shadows = await compareShadow(text, dynamic, inputs);
    expect(namesOf(shadows)).toEqual(expected);
    expect(namesOf(compareWeights(text, dynamic))).toEqual(expected.map((name) => `${name}.weight`));
    const rows = await compareActivations(text, dynamic, inputs);
    expect(namesOf(rows).filter((name) => expected.includes(name))).toEqual(expected);
    expect(namesOf(rows)).toEqual(namesOf(await compareActivations(text, text, inputs)));
    // Nothing is quantized before the first linear; its own error is all that it has.
    expect(rows.find(({ name }) => name === 'norm')?.sqnr).toBe(Number.POSITIVE_INFINITY);
    const first = ({ name }: { name: string }) => name === 'layers.0.attention.query';
    expect(rows.find(first)).toEqual({ ...shadows.find(first), kind: 'activation' });
  });

  it('compares the weights of a debug graph', () => {
    const bare = (graph: Graph) => compareWeights(text, graph).map(({ op, ...row }) => row);
    expect(bare(emulated)).toEqual(bare(dynamic));
  });

  it('compares embedding tables', () => {
    const tables = quantizeDynamic(text, { words: floatQParamsWeightOnlyQConfig });
    const [row, ...others] = compareWeights(text, tables);
    expect(others).toEqual([]);
    expect(row).toMatchObject({ name: 'words.weight', op: 'quantized::embedding_byte' });
    expect(row?.sqnr).toBeGreaterThan(40);
  });

  it('says of each node whose bits differ where that comes from', async () => {
    expect(renderDebugComparison(await compareDebug(emulated, dynamic, inputs))).toMatchInlineSnapshot(`
      "26 of 35 nodes differ in bits
      layers.0.attention.query (quantized::linear_dynamic): 139 of 200 values, by at most 1.19e-7: int8 products are summed exactly; debug rounds its float32 sum at every step
      layers.0.attention.key (quantized::linear_dynamic): 116 of 200 values, by at most 2.38e-7: int8 products are summed exactly; debug rounds its float32 sum at every step
      layers.0.attention.value (quantized::linear_dynamic): 130 of 200 values, by at most 1.19e-7: int8 products are summed exactly; debug rounds its float32 sum at every step
      layers.0.attention (octavo::multi_head_attention): 145 of 200 values, by at most 1.19e-7: its operand differs: layers.0.attention.query, layers.0.attention.key, layers.0.attention.value
      layers.0 (aten::add): 72 of 200 values, by at most 2.38e-7: its operand differs: layers.0.attention
      layers.0.norm1 (aten::layer_norm): 86 of 200 values, by at most 2.38e-7: its operand differs: layers.0
      layers.0.up (quantized::linear_dynamic): 248 of 400 values, by at most 2.38e-7: its operand differs: layers.0.norm1
      layers.0.act (aten::gelu): 213 of 400 values, by at most 2.38e-7: its operand differs: layers.0.up
      layers.0.down (quantized::linear_dynamic): 132 of 200 values, by at most 9.69e-8: its operand differs: layers.0.act
      layers.0_1 (aten::add): 97 of 200 values, by at most 2.38e-7: its operand differs: layers.0.norm1, layers.0.down
      layers.0.norm2 (aten::layer_norm): 102 of 200 values, by at most 2.38e-7: its operand differs: layers.0_1
      layers.1.attention.query (quantized::linear_dynamic): 130 of 200 values, by at most 1.79e-7: its operand differs: layers.0.norm2
      layers.1.attention.key (quantized::linear_dynamic): 131 of 200 values, by at most 2.38e-7: its operand differs: layers.0.norm2
      layers.1.attention.value (quantized::linear_dynamic): 124 of 200 values, by at most 2.38e-7: its operand differs: layers.0.norm2
      layers.1.attention (octavo::multi_head_attention): 132 of 200 values, by at most 1.19e-7: its operand differs: layers.1.attention.query, layers.1.attention.key, layers.1.attention.value
      layers.1 (aten::add): 125 of 200 values, by at most 2.38e-7: its operand differs: layers.0.norm2, layers.1.attention
      layers.1.norm1 (aten::layer_norm): 138 of 200 values, by at most 3.58e-7: its operand differs: layers.1
      layers.1.up (quantized::linear_dynamic): 288 of 400 values, by at most 2.98e-7: its operand differs: layers.1.norm1
      layers.1.act (aten::gelu): 250 of 400 values, by at most 2.98e-7: its operand differs: layers.1.up
      layers.1.down (quantized::linear_dynamic): 136 of 200 values, by at most 1.49e-7: its operand differs: layers.1.act
      layers.1_1 (aten::add): 140 of 200 values, by at most 3.58e-7: its operand differs: layers.1.norm1, layers.1.down
      layers.1.norm2 (aten::layer_norm): 143 of 200 values, by at most 4.77e-7: its operand differs: layers.1_1
      select (aten::select): 23 of 32 values, by at most 2.38e-7: its operand differs: layers.1.norm2
      pooler (quantized::linear_dynamic): 21 of 32 values, by at most 1.19e-7: its operand differs: select
      tanh (aten::tanh): 18 of 32 values, by at most 8.94e-8: its operand differs: pooler
      classifier (aten::linear): 4 of 8 values, by at most 4.47e-8: its operand differs: tanh"
    `);
  });
});

describe('what cannot be compared', () => {
  const mlp = trace(
    seeded(() => new Mlp()),
    { x: floats([2, 8]) },
  );

  it('is refused in one sentence', async () => {
    expect(() => compareWeights(mlp, int8)).toThrow(
      '[compare] expected two graphs of one model, but the inputs of one are x, and of the other input',
    );
    await expect(compareActivations(float, int8, [])).rejects.toThrow(
      '[compareActivations] expected at least one batch, got none',
    );
    await expect(compareShadow(float, int8, images(1) as never)).rejects.toThrow(
      '[compareShadow] expected an iterable of feeds',
    );
    await expect(compareActivations(float, int8, [feeds[0]!, { x: floats([1]) }])).rejects.toThrow(
      "[compareActivations] batch 1: [run] this graph has no input 'x'",
    );
    await expect(compareDebug(int8, debug, feeds)).rejects.toThrow('got quantized and debug');
  });

  it('stops when told to, and tells how far it is', async () => {
    const seen: number[] = [];
    await compareActivations(float, int8, feeds, { onProgress: (done) => seen.push(done) });
    expect(seen).toEqual([1, 2]);
    const stopped = compareActivations(float, int8, feeds, { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toThrow(expect.objectContaining({ code: 'ABORTED' }) as Error);
  });
});
