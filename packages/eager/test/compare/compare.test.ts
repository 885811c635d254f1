import { F, manualSeed, nn, type Tensor } from '@octavo/core';
import { renderComparison } from '@octavo/observers';
import { describe, expect, test } from 'vitest';
import {
  compareModelOutputs,
  compareModelStub,
  compareWeights,
  convert,
  FloatFunctional,
  FusedConv,
  fuseModules,
  prepare,
  quantizeDynamic,
} from '../../src/index.js';
import { ids, noise, shortcutNet, tinyModel } from '../support/models.js';

const x = noise([4, 3, 8, 8], 9);
const batches = [noise([2, 3, 8, 8], 10), noise([3, 3, 8, 8], 11)];
const namesOf = (rows: readonly { name: string }[]) => rows.map(({ name }) => name);

describe('a calibrated model', () => {
  const float = fuseModules(shortcutNet(), { inputs: [x] });
  const prepared = prepare(float);
  prepared.call(x);
  const int8 = convert(prepared);

  test('what every module gives, in the order in which they run', async () => {
    expect(renderComparison(await compareModelOutputs(float, int8, batches))).toMatchInlineSnapshot(`
      "name     op                    compared    SQNR dB    cosine  max error       float range
      quant    Quantize              activation     32.7  0.999735      0.518     -3.39 to 3.05
      conv1    QuantizedConv2dReLU6  activation     31.0  0.999612      0.138         0 to 1.74
      conv2    QuantizedConv2d       activation     39.9  0.999961     0.0791     -1.53 to 1.06
      skip     QFunctional           activation     34.6  0.999829      0.127         0 to 1.99
      pool     AdaptiveAvgPool2d     activation     39.8  0.999952     0.0207         0 to 1.01
      flatten  Flatten               activation     39.8  0.999952     0.0207         0 to 1.01
      fc       QuantizedLinear       activation     36.7  0.999892    0.00581  -0.358 to 0.0859
      dequant  DeQuantize            activation     36.7  0.999892    0.00581  -0.358 to 0.0859
      output   ShortcutNet           output         36.7  0.999892    0.00581  -0.358 to 0.0859
      lowest of 9: 31.0 dB at conv1 (activation)"
    `);
  });

  test('each module beside its float twin on the same input', async () => {
    expect(renderComparison(await compareModelStub(float, int8, null, batches))).toMatchInlineSnapshot(`
      "name     op                    compared  SQNR dB    cosine  max error       float range
      quant    Quantize              shadow       32.7  0.999735      0.518     -3.39 to 3.05
      conv1    QuantizedConv2dReLU6  shadow       42.0  0.999969     0.0112         0 to 1.74
      conv2    QuantizedConv2d       shadow       41.0  0.999971     0.0815     -1.53 to 1.06
      skip     QFunctional           shadow       45.0  0.999984    0.00734         0 to 1.99
      pool     AdaptiveAvgPool2d     shadow       43.4  0.999978    0.00645         0 to 1.01
      flatten  Flatten               shadow      equal  1.000000          0            0 to 1
      fc       QuantizedLinear       shadow       42.7  0.999978    0.00265  -0.355 to 0.0858
      dequant  DeQuantize            shadow      equal  1.000000          0  -0.356 to 0.0861
      lowest of 8: 32.7 dB at quant (shadow)"
    `);
    const some = await compareModelStub(float, int8, [FusedConv, nn.Conv2d, nn.Linear, FloatFunctional], batches);
    expect(namesOf(some)).toEqual(['conv1', 'conv2', 'skip', 'fc']);
    await expect(compareModelStub(float, int8, [nn.LSTM], batches)).rejects.toThrow(
      '[compareModelStub] ShortcutNet has no quantized form of LSTM; it has those of QuantStub, FusedConv,',
    );
  });

  test('weights, with the batch norms in them', () => {
    expect(renderComparison(compareWeights(float, int8))).toMatchInlineSnapshot(`
      "name          op                    compared  SQNR dB    cosine  max error      float range
      conv1.weight  QuantizedConv2dReLU6  weight       47.5  0.999991   0.000845  -0.215 to 0.209
      conv2.weight  QuantizedConv2d       weight       48.8  0.999993    0.00136  -0.346 to 0.338
      fc.weight     QuantizedLinear       weight       48.2  0.999992   0.000776  -0.191 to 0.198
      lowest of 3: 47.5 dB at conv1.weight (weight)"
    `);
  });

  test('batches give what all gives at once, and nothing stays on the models', async () => {
    const all = [F.cat(batches)];
    expect(await compareModelOutputs(float, int8, batches)).toEqual(await compareModelOutputs(float, int8, all));
    expect(await compareModelStub(float, int8, null, batches)).toEqual(await compareModelStub(float, int8, null, all));
    for (const [, module] of int8.namedModules()) expect(module.forwardHooks.size).toBe(0);
    expect(Object.getOwnPropertyNames(int8.skip)).not.toContain('add');
  });
});

describe('a dynamic model', () => {
  test('has a row for each linear; what lies before the first is equal', async () => {
    const float = tinyModel();
    const int8 = quantizeDynamic(float);
    const inputs = [ids([[1, 2, 3]]), ids([[4, 5, 6]])];
    const shadows = await compareModelStub(float, int8, [nn.Linear], inputs);
    const linears = [
      'sub.fc1',
      'sub.fc2',
      'layers.0.fc1',
      'layers.0.fc2',
      'layers.1.fc1',
      'layers.1.fc2',
      'classifier',
    ];
    expect(namesOf(shadows)).toEqual(linears);
    expect(namesOf(compareWeights(float, int8))).toEqual(linears.map((name) => `${name}.weight`));
    const outputs = await compareModelOutputs(float, int8, inputs);
    expect(outputs[0]).toMatchObject({ name: 'embedding', sqnr: Number.POSITIVE_INFINITY });
    // Its input is exact: its own error is all that it has.
    expect(outputs[1]).toEqual({ ...shadows[0], kind: 'activation' });
    expect(outputs.at(-1)).toEqual({ ...outputs.at(-2), name: 'output', kind: 'output', op: 'TinyModel' });
  });

  test('both weights of recurrent layers are compared, and every tensor they give', async () => {
    manualSeed(5);
    const float = new nn.LSTM(4, 6, { numLayers: 2, bidirectional: true });
    const weights = compareWeights(float, quantizeDynamic(float, [nn.LSTM]));
    const suffixes = ['l0', 'l0_reverse', 'l1', 'l1_reverse'];
    expect(namesOf(weights)).toEqual(suffixes.flatMap((suffix) => [`weight_ih_${suffix}`, `weight_hh_${suffix}`]));
    expect(new Set(weights.map(({ float: stats }) => stats?.max)).size).toBe(8);
    const half = quantizeDynamic(float, [nn.LSTM], { dtype: 'float16' });
    expect(namesOf(compareWeights(float, half))).toHaveLength(8);
    const model = new nn.Sequential(float);
    const int8 = quantizeDynamic(model, [nn.LSTM]);
    const rows = await compareModelOutputs(model, int8, [noise([3, 1, 4])]);
    expect(namesOf(rows)).toEqual(['0[0]', '0[1][0]', '0[1][1]', 'output[0]', 'output[1][0]', 'output[1][1]']);
    const cell = new nn.GRUCell(4, 6);
    expect(namesOf(compareWeights(cell, quantizeDynamic(cell)))).toEqual(['weight_ih', 'weight_hh']);
  });

  test('tables of embeddings', () => {
    const model = new nn.Sequential(new nn.Embedding(10, 4));
    const [row] = compareWeights(model, quantizeDynamic(model, null, { dtype: 'quint8' }));
    expect(row).toMatchObject({ name: '0.weight', kind: 'weight', op: 'QuantizedEmbedding' });
    expect(row?.sqnr).toBeGreaterThan(40);
  });

  test('a module that runs twice is compared call by call', async () => {
    class Twice extends nn.Module<(x: Tensor) => Tensor> {
      fc = new nn.Linear(4, 4);
      forward(input: Tensor): Tensor {
        return this.fc.call(this.fc.call(input));
      }
    }
    const float = new Twice();
    const [row] = await compareModelOutputs(float, quantizeDynamic(float), [noise([2, 4])]);
    expect(row?.float?.count).toBe(16);
    expect(row?.sqnr).toBeGreaterThan(25);
  });

  test('inputs that are none', async () => {
    const float = new nn.Sequential(new nn.Linear(4, 4));
    const int8 = quantizeDynamic(float);
    await expect(compareModelOutputs(float, int8, [])).rejects.toThrow('expected at least one batch, got none');
    await expect(compareModelOutputs(float, int8, noise([1, 4]) as never)).rejects.toThrow('expected a list of inputs');
    await expect(compareModelStub(float, int8, null, [noise([1, 4]), noise([1, 3])])).rejects.toThrow(
      '[compareModelStub] batch 1: ',
    );
  });
});
