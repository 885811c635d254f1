import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { F, manualSeed, nn, type OctavoError, Tensor } from '@octavo/core';
import {
  defaultDynamicQConfig,
  defaultQConfig,
  perChannelDynamicQConfig,
  perRowDynamicQConfig,
  quantizeWeight,
} from '@octavo/observers';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import {
  coverage,
  DynamicQuantizedGRU,
  DynamicQuantizedGRUCell,
  DynamicQuantizedLinear,
  DynamicQuantizedLSTM,
  DynamicQuantizedLSTMCell,
  DynamicQuantizedRNNCell,
  loadQuantized,
  modelSize,
  print,
  quantizeDynamic,
  saveQuantized,
} from '../../src/index.js';
import { goldenTest } from '../support/golden.js';
import { bits, noise } from '../support/models.js';

const folder = mkdtempSync(join(tmpdir(), 'octavo-recurrent-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => void manualSeed(7));

const QCONFIGS = [perRowDynamicQConfig, perChannelDynamicQConfig, defaultDynamicQConfig];

/** A recurrent layer and a linear, as the LSTM recipe lists them. */
class Tagger extends nn.Module<(x: Tensor) => Tensor> {
  lstm: nn.LSTM;
  decoder: nn.Module;

  constructor() {
    super();
    this.lstm = new nn.LSTM(4, 6, { numLayers: 2, bidirectional: true });
    this.decoder = new nn.Linear(12, 3);
  }

  forward(x: Tensor): Tensor {
    return this.decoder.call(this.lstm.call(x)[0]);
  }
}

goldenTest('lstm_dynamic: sequences are PyTorch’s within the stored tolerance', 'lstm_dynamic', ({ cases, tensor }) => {
  let checked = 0;
  for (const { name, op, params, inputs, outputs, tolerance } of cases) {
    if (op !== 'LSTM_dynamic' && op !== 'GRU_dynamic') continue;
    if (outputs.output === undefined) continue;
    const options = {
      numLayers: params.num_layers as number,
      bidirectional: params.bidirectional === true,
      batchFirst: params.batch_first === true,
    };
    const sizes = [params.input_size as number, params.hidden_size as number] as const;
    const float = op === 'LSTM_dynamic' ? new nn.LSTM(...sizes, options) : new nn.GRU(...sizes, options);
    float.loadStateDict(Object.fromEntries(Object.keys(float.stateDict()).map((key) => [key, tensor(inputs[key])])));
    const qconfig = params.qconfig === 'default_dynamic_qconfig' ? defaultDynamicQConfig : perChannelDynamicQConfig;
    const module = quantizeDynamic(float, null, { qconfig }) as nn.Module;
    const h = inputs.h0 === undefined ? null : tensor(inputs.h0);
    const state = inputs.c0 === undefined ? h : [h, tensor(inputs.c0)];
    const [output] = module.call(tensor(inputs.x), state) as [Tensor];
    const expected = tensor(outputs.output).data as Float32Array;
    const worst = (output.data as Float32Array).reduce((max, y, i) => Math.max(max, Math.abs(y - expected[i]!)), 0);
    expect(output.data.length, name).toBe(expected.length);
    expect(worst, name).toBeLessThanOrEqual(tolerance as number);
    checked++;
  }
  expect(checked).toBe(64);
});

describe('quantizeDynamic', () => {
  test('takes the recipe’s list of types, also where one of them is absent', () => {
    const q = quantizeDynamic(new Tagger(), [nn.LSTM, nn.Linear], { dtype: 'qint8' });
    expect(q.lstm).toBeInstanceOf(DynamicQuantizedLSTM);
    expect(q.decoder).toBeInstanceOf(DynamicQuantizedLinear);
    const alone = quantizeDynamic(new nn.Sequential(new nn.LSTM(8, 20)), [nn.LSTM, nn.Linear], { dtype: 'qint8' });
    expect(print(alone)).toBe('Sequential(\n  (0): DynamicQuantizedLSTM(8, 20)\n)');
    expect(quantizeDynamic(new Tagger(), [nn.LSTM]).decoder).toBeInstanceOf(nn.Linear);
    expect(quantizeDynamic(new Tagger()).lstm).toBeInstanceOf(DynamicQuantizedLSTM);
    expect(() => quantizeDynamic(new nn.Sequential(new nn.ReLU()), [nn.LSTM, nn.Linear])).toThrow(
      'Sequential has no LSTM, Linear; it has Sequential, ReLU',
    );
  });

  test('every recurrent class has its form, printed as PyTorch prints it', () => {
    const options = { numLayers: 2, batchFirst: true, dropout: 0.25, bidirectional: true };
    const model = new nn.ModuleList([
      new nn.LSTM(8, 20, options),
      new nn.GRU(3, 4),
      new nn.LSTMCell(3, 4),
      new nn.GRUCell(3, 4),
      new nn.RNNCell(3, 4),
      new nn.RNNCell(3, 4, { nonlinearity: 'relu' }),
    ]);
    const q = quantizeDynamic(model);
    expect([...q].map(String)).toEqual([
      'DynamicQuantizedLSTM(8, 20, num_layers=2, batch_first=True, dropout=0.25, bidirectional=True)',
      'DynamicQuantizedGRU(3, 4)',
      'DynamicQuantizedLSTMCell(3, 4)',
      'DynamicQuantizedGRUCell(3, 4)',
      'DynamicQuantizedRNNCell(3, 4)',
      'DynamicQuantizedRNNCell(3, 4, nonlinearity=relu)',
    ]);
    expect([...q].map((each) => each.constructor)).toEqual([
      DynamicQuantizedLSTM,
      DynamicQuantizedGRU,
      DynamicQuantizedLSTMCell,
      DynamicQuantizedGRUCell,
      DynamicQuantizedRNNCell,
      DynamicQuantizedRNNCell,
    ]);
  });

  test('what has no int8 form is an error with its path and the remedy', () => {
    const failing = (module: nn.Module, qconfig = perRowDynamicQConfig): OctavoError => {
      try {
        quantizeDynamic(new nn.Sequential(module), null, { qconfig });
      } catch (error) {
        return error as OctavoError;
      }
      throw new Error('expected an error');
    };
    const biasless = failing(new nn.LSTM(2, 3, { bias: false }));
    expect(biasless.message).toBe(
      '[quantizeDynamic] 0: [DynamicQuantizedLSTM] expected a module with biases, got bias=false, which has no int8 form; ' +
        'keep this module float with null in the qconfig map',
    );
    expect([biasless.code, biasless.details.path]).toEqual(['UNSUPPORTED', '0']);
    expect(failing(new nn.GRUCell(2, 3, { bias: false })).message).toContain('[DynamicQuantizedGRUCell]');
    expect(failing(new nn.LSTM(2, 3, { projSize: 2 })).message).toContain('without projections, got projSize=2');
    expect(failing(new nn.GRU(2, 3), defaultQConfig).message).toContain('defaultQConfig is no qconfig for dynamic');
    const broken = new nn.GRU(2, 3, { bidirectional: true });
    (broken.weight_hh_l0_reverse?.data as Float32Array)[4] = Number.NaN;
    expect(failing(broken).message).toContain('0: weight_hh_l0_reverse: element 4 is NaN');
  });
});

describe('arithmetic', () => {
  test('the input is quantized once for the sequence, h at each step', () => {
    const gru = new nn.GRU(4, 3);
    const q = DynamicQuantizedGRU.fromFloat(gru, defaultDynamicQConfig);
    const x = F.mul(noise([5, 2, 4]), Tensor.from([[[0.1]], [[1]], [[2]], [[0.5]], [[4]]]));
    const { ih, hh } = q.layers[0]!;
    expect([...ih.weight.scales]).toEqual([...quantizeWeight(gru.weight_ih_l0!, defaultDynamicQConfig).scales]);
    const options = { scheme: 'perTensor', reduceRange: true } as const;
    const gates = F.linearDynamic(x, ih, options);
    let h: Tensor = Tensor.zeros([2, 3]);
    for (let t = 0; t < 5; t++) {
      const hidden = F.linearDynamic(h, hh, options);
      const [a, b] = [F.select(gates, 0, t), hidden];
      const part = (each: Tensor, i: number): Tensor => F.slice(each, 1, i * 3, i * 3 + 3);
      const r = F.sigmoid(F.add(part(b, 0), part(a, 0)));
      const z = F.sigmoid(F.add(part(b, 1), part(a, 1)));
      const n = F.tanh(F.add(part(a, 2), F.mul(part(b, 2), r)));
      h = F.add(F.mul(F.sub(h, n), z), n);
    }
    expect(bits(q.call(x)[1])).toEqual(bits(h));
  });

  test('a cell quantizes x and h at each call', () => {
    const cell = new nn.RNNCell(4, 3);
    const q = DynamicQuantizedRNNCell.fromFloat(cell, defaultDynamicQConfig);
    const [x, h] = [noise([2, 4]), noise([2, 3], 2)];
    const options = { scheme: 'perTensor', reduceRange: true } as const;
    const sum = F.add(F.linearDynamic(h, q.packed.hh, options), F.linearDynamic(x, q.packed.ih, options));
    expect(bits(q.call(x, h))).toEqual(bits(F.tanh(sum)));
  });

  test('is near the float module under every dynamic qconfig', () => {
    const x = noise([6, 3, 8]);
    for (const float of [new nn.LSTM(8, 12, { numLayers: 2 }), new nn.GRU(8, 12, { bidirectional: true })]) {
      const y = float.call(x)[0].data as Float32Array;
      for (const qconfig of QCONFIGS) {
        const q = quantizeDynamic(float, null, { qconfig }) as nn.Module;
        const got = (q.call(x) as [Tensor])[0].data as Float32Array;
        got.forEach((value, i) => {
          expect(Math.abs(value - y[i]!)).toBeLessThan(0.03);
        });
      }
    }
  });

  test('a sequence’s answer does not depend on its batch (perRow)', () => {
    const q = quantizeDynamic(new nn.LSTM(4, 6)) as nn.Module;
    const x = noise([5, 3, 4]);
    const [whole] = q.call(x) as [Tensor];
    for (let i = 0; i < 3; i++) {
      const [alone] = q.call(F.slice(x, 1, i, i + 1)) as [Tensor];
      expect(bits(alone)).toEqual(bits(F.slice(whole, 1, i, i + 1)));
    }
  });

  test('the state carries on, and wrong ones are refused', () => {
    const q = DynamicQuantizedLSTM.fromFloat(new nn.LSTM(4, 6), perRowDynamicQConfig);
    const x = noise([5, 3, 4]);
    const [whole, [h]] = q.call(x);
    const [first, state] = q.call(F.slice(x, 0, 0, 2));
    const [second, [lastH]] = q.call(F.slice(x, 0, 2), state);
    expect(bits(F.cat([first, second]))).toEqual(bits(whole));
    expect(bits(lastH)).toEqual(bits(h));
    expect(() => q.call(noise([5, 3, 5]))).toThrow('[DynamicQuantizedLSTM] expected x [time, batch, 4]');
  });
});

describe('state dict, files and coverage', () => {
  test('keys are PyTorch’s, with tensors for its packed objects', () => {
    const keys = Object.keys(quantizeDynamic(new nn.Sequential(new nn.GRU(2, 3, { numLayers: 2 }))).stateDict());
    expect(keys.slice(0, 4)).toEqual([
      '0.scheme',
      '0.reduce_range',
      '0._all_weight_values.0.param.ih.weight',
      '0._all_weight_values.0.param.ih.weight_scales',
    ]);
    expect(keys).toContain('0._all_weight_values.1.param.hh.bias');
    expect(Object.keys(quantizeDynamic(new nn.Sequential(new nn.GRUCell(2, 3))).stateDict())).toContain(
      '0._packed_weight_hh.weight',
    );
  });

  test('a state dict goes into a fresh module, and a wrong one is refused', () => {
    const from = DynamicQuantizedLSTM.fromFloat(new nn.LSTM(4, 6, { numLayers: 2 }), perRowDynamicQConfig);
    const into = DynamicQuantizedLSTM.fromConfig({ ...from.config, scheme: 0, reduceRange: 1 });
    into.loadStateDict(from.stateDict());
    expect(into.config).toEqual(from.config);
    expect(bits(into.call(noise([3, 2, 4]))[0])).toEqual(bits(from.call(noise([3, 2, 4]))[0]));
    const scheme = new Tensor('int64', BigInt64Array.of(9n), []);
    expect(() => into.loadStateDict({ ...from.stateDict(), scheme })).toThrow(
      '[DynamicQuantizedLSTM] scheme must be 0 or 1, got 9',
    );
  });

  test('saved models load without a float one, with the same bits', async () => {
    const x = noise([5, 2, 4]);
    for (const [i, qconfig] of [perRowDynamicQConfig, defaultDynamicQConfig, null].entries()) {
      const cells = [new nn.LSTMCell(4, 4), new nn.GRUCell(4, 4), new nn.RNNCell(4, 4, { nonlinearity: 'relu' })];
      const layers = [new nn.LSTM(4, 6, { numLayers: 2, bidirectional: true }), new nn.GRU(4, 3, { batchFirst: true })];
      const float = new nn.ModuleList([...layers, ...cells]);
      const model = qconfig === null ? float : quantizeDynamic(float, null, { qconfig });
      const file = join(folder, `${i}.safetensors`);
      await saveQuantized(model, file);
      const loaded = (await loadQuantized(file)) as nn.ModuleList;
      expect(String(loaded)).toBe(String(model));
      for (const [at, module] of [...model].entries()) {
        const input = at < 2 ? x : F.select(x, 0, 0);
        const [a, b] = [module, loaded.at(at)!].map((each) => each.call(input) as Tensor | Tensor[]);
        expect(bits([b].flat()[0] as Tensor)).toEqual(bits([a].flat()[0] as Tensor));
      }
    }
  });

  test('a file fills a float model of another class', async () => {
    const q = quantizeDynamic(new Tagger());
    await saveQuantized(q, join(folder, 'tagger.safetensors'));
    const loaded = await loadQuantized(join(folder, 'tagger.safetensors'), new Tagger());
    expect(bits(loaded.call(noise([3, 2, 4])))).toEqual(bits(q.call(noise([3, 2, 4]))));
  });

  test('the copy does not share what is loaded into it', () => {
    const q = quantizeDynamic(new nn.Sequential(new nn.LSTM(2, 3)));
    const before = bits((q.call(noise([2, 1, 2])) as [Tensor])[0]);
    const other = quantizeDynamic(new nn.Sequential(new nn.LSTM(2, 3)));
    other.loadStateDict(q.stateDict());
    other.loadStateDict(quantizeDynamic(new nn.Sequential(new nn.LSTM(2, 3))).stateDict());
    expect(bits((q.call(noise([2, 1, 2])) as [Tensor])[0])).toEqual(before);
  });

  test('coverage has a row for each, and the file is near a quarter', () => {
    const model = new Tagger();
    const report = coverage(quantizeDynamic(model, [nn.LSTM], { qconfig: defaultDynamicQConfig }));
    expect(report.rows[0]).toEqual({
      path: 'lstm',
      op: 'DynamicQuantizedLSTM',
      precision: 'int8',
      reason: 'dynamic: 7-bit activations, one range a tensor; weights per tensor',
      multiplyAdds: 2 * 24 * (4 + 6) + 2 * 24 * (12 + 6),
    });
    expect(coverage(model).rows[0]).toMatchObject({ precision: 'float32', multiplyAdds: 1344 });
    const big = new nn.Sequential(new nn.LSTM(256, 256));
    expect(modelSize(big) / modelSize(quantizeDynamic(big))).toBeGreaterThan(3.8);
  });
});
