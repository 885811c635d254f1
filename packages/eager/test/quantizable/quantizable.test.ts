import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dequantize, manualSeed, nn, type QuantizedTensor, type Tensor } from '@octavo/core';
import { getDefaultQConfig, sqnr } from '@octavo/observers';
import { afterAll, describe, expect, test } from 'vitest';
import {
  compareModelStub,
  compareWeights,
  convert,
  coverage,
  DeQuantStub,
  loadQuantized,
  prepare,
  print,
  QuantStub,
  QuantWrapper,
  quantize,
  quantizeDynamic,
  registerModule,
  saveQuantized,
} from '../../src/index.js';
import { bits, noise } from '../support/models.js';

const folder = mkdtempSync(join(tmpdir(), 'octavo-quantizable-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** An LSTM between stubs; its last states go through a stub as well. */
class Recurrent extends nn.Module<(x: Tensor, state?: nn.LSTMState) => [Tensor, Tensor, Tensor]> {
  quant: nn.Module = new QuantStub();
  quant_h: nn.Module = new QuantStub();
  quant_c: nn.Module = new QuantStub();
  lstm: nn.Module;
  dequant: nn.Module = new DeQuantStub();
  constructor(
    readonly options: nn.RNNOptions,
    readonly hasState = false,
  ) {
    super();
    manualSeed(3);
    this.lstm = new nn.LSTM(6, 8, options);
    if (!hasState) for (const name of ['quant_h', 'quant_c']) delete (this as unknown as Record<string, unknown>)[name];
  }
  forward(x: Tensor, state?: nn.LSTMState): [Tensor, Tensor, Tensor] {
    const start = state && [this.quant_h.call(state[0]), this.quant_c.call(state[1])];
    const [output, [h, c]] = this.lstm.call(this.quant.call(x), start);
    return [this.dequant.call(output), this.dequant.call(h), this.dequant.call(c)];
  }
}

describe('a static LSTM', () => {
  const cases: [string, nn.RNNOptions, readonly number[]][] = [
    ['one layer', {}, [5, 3, 6]],
    ['two layers, batch first, without biases', { numLayers: 2, batchFirst: true, bias: false }, [3, 5, 6]],
    ['both directions', { bidirectional: true }, [5, 3, 6]],
    ['one sequence', {}, [5, 6]],
  ];
  test.each(cases)('%s: calibrates with the float bits, and computes near them on codes', (_name, options, dims) => {
    const model = new Recurrent(options);
    const x = noise(dims, 7);
    const prepared = prepare(model);
    const float = model.call(x);
    prepared.call(x).forEach((y, i) => {
      expect(y.dims).toEqual((float[i] as Tensor).dims);
      expect(bits(y)).toEqual(bits(float[i] as Tensor));
    });
    const int8 = convert(prepared);
    int8.call(x).forEach((y, i) => {
      expect(sqnr(float[i] as Tensor, y)).toBeGreaterThan(20);
    });
    expect(coverage(int8).rows.every(({ precision }) => precision === 'int8')).toBe(true);
  });

  test('it takes states, as codes', () => {
    const model = new Recurrent({ numLayers: 2 }, true);
    const [x, state] = [noise([4, 2, 6], 7), [noise([2, 2, 8], 8), noise([2, 2, 8], 9)] as nn.LSTMState];
    const prepared = prepare(model);
    prepared.call(x, state);
    expect(sqnr(model.call(x, state)[0], convert(prepared).call(x, state)[0])).toBeGreaterThan(20);
  });

  test('it has PyTorch’s parts and keys, and comes back from a file', async () => {
    registerModule(Recurrent, {
      config: ({ options }) => ({ ...options }),
      build: (options) => new Recurrent(options),
    });
    const x = noise([5, 3, 6], 7);
    const int8 = await quantize(new Recurrent({ bidirectional: true }), (prepared) => void prepared.call(x));
    expect(print(int8.lstm)).toMatchSnapshot();
    const keys = Object.keys(int8.stateDict());
    expect(keys).toContain('lstm.layers.0.layer_bw.cell.igates._packed_params.weight');
    expect(keys).toContain('lstm.layers.0.layer_fw.cell.fgate_cx_igate_cgate.zero_point');
    await saveQuantized(int8, join(folder, 'lstm.safetensors'));
    for (const model of [undefined, new Recurrent({ bidirectional: true })]) {
      const loaded = await loadQuantized<Recurrent>(join(folder, 'lstm.safetensors'), model as Recurrent);
      expect(print(loaded)).toBe(print(int8));
      expect(bits(loaded.call(x)[0])).toEqual(bits(int8.call(x)[0]));
    }
  });

  test('null keeps it float, and projections are refused with what to do', () => {
    const model = new nn.Sequential(new QuantWrapper(new nn.Linear(6, 6)), new nn.LSTM(6, 8));
    const prepared = prepare(model, { qconfig: { '': getDefaultQConfig('fbgemm'), 1: null } });
    expect(prepared.at(1)?.typeName).toBe('LSTM');
    expect(() => prepare(new nn.Sequential(new nn.LSTM(6, 8, { projSize: 2 })))).toThrow(
      /^\[prepare\] 0: .*no projections, got projSize=2.*quantizeDynamic/,
    );
    const lstm = prepare(new nn.Sequential(new nn.LSTM(6, 8))).at(0) as nn.Module;
    expect(() => lstm.call(noise([2, 3, 5]))).toThrow('expected x [time, batch, 6] or [time, 6], got [2, 3, 5]');
  });
});

/** Attention between stubs. */
class Attending extends nn.Module<(q: Tensor, k: Tensor, v: Tensor) => [Tensor, Tensor | null]> {
  quant_q: nn.Module = new QuantStub();
  quant_k: nn.Module = new QuantStub();
  quant_v: nn.Module = new QuantStub();
  attention: nn.Module;
  dequant: nn.Module = new DeQuantStub();
  constructor(
    readonly options: nn.MultiheadAttentionOptions,
    readonly call_: nn.AttentionOptions = {},
  ) {
    super();
    this.attention = new nn.MultiheadAttention(16, 4, options);
  }
  forward(q: Tensor, k: Tensor, v: Tensor): [Tensor, Tensor | null] {
    const inputs = [this.quant_q.call(q), this.quant_k.call(k), this.quant_v.call(v)];
    const [output, weights] = this.attention.call(...inputs, this.call_);
    return [this.dequant.call(output), weights && this.dequant.call(weights)];
  }
}

describe('static attention', () => {
  const cases: [string, nn.MultiheadAttentionOptions, nn.AttentionOptions, [Tensor, Tensor, Tensor]][] = [
    ['cross-attention', {}, {}, [noise([3, 2, 16], 1), noise([5, 2, 16], 2), noise([5, 2, 16], 3)]],
    [
      'widths of their own, batch first, without weights',
      { kdim: 6, vdim: 5, batchFirst: true, bias: false },
      { needWeights: false },
      [noise([2, 3, 16], 1), noise([2, 4, 6], 2), noise([2, 4, 5], 3)],
    ],
  ];
  test.each(cases)('%s is near the float form, and comes back from a file', async (_name, options, call, inputs) => {
    const model = new Attending(options, call);
    const int8 = await quantize(model, (prepared) => void prepared.call(...inputs));
    const [expected, weights] = model.call(...inputs);
    const [output, int8Weights] = int8.call(...inputs);
    expect(sqnr(expected, output)).toBeGreaterThan(25);
    expect(int8Weights?.dims).toEqual(weights?.dims);
    if (weights !== null) expect(sqnr(weights, int8Weights as Tensor)).toBeGreaterThan(25);
    expect(print(int8.attention)).toContain('QuantizedMultiheadAttention(\n  (linear_Q): QuantizedLinear(');
    expect(coverage(int8).rows.every(({ precision }) => precision === 'int8')).toBe(true);

    await saveQuantized(int8, join(folder, 'attention.safetensors'));
    const loaded = await loadQuantized(join(folder, 'attention.safetensors'), new Attending(options, call));
    expect(bits(loaded.call(...inputs)[0])).toEqual(bits(output));
  });

  test('weights come back as codes of a softmax', () => {
    const wrapper = prepare(new nn.Sequential(new nn.MultiheadAttention(16, 4)));
    const attention = wrapper.at(0) as nn.Module;
    const x = noise([3, 2, 16], 4);
    attention.call(x, x, x);
    const stub = prepare(new nn.Sequential(new QuantStub()));
    stub.call(x);
    const codes = convert(stub).call(x) as QuantizedTensor;
    const [, weights] = (convert(wrapper).at(0) as nn.Module).call(codes, codes, codes) as [unknown, QuantizedTensor];
    expect([weights.scale, weights.zeroPoint]).toEqual([1 / 256, 0]);
    const { data } = dequantize(weights);
    for (let row = 0; row < 6; row++) {
      expect(data.slice(3 * row, 3 * row + 3).reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 1);
    }
  });
});

describe('the numeric suite', () => {
  test('compares the parts of modules that were taken apart', async () => {
    const model = new Recurrent({});
    const x = noise([5, 3, 6], 7);
    const int8 = await quantize(model, (prepared) => void prepared.call(x));
    const cell = 'lstm.layers.0.layer_fw.cell';
    const weights = compareWeights(model, int8);
    expect(weights.map(({ name }) => name)).toEqual([`${cell}.igates.weight`, `${cell}.hgates.weight`]);
    const shadows = await compareModelStub(model, int8, null, [[x]]);
    expect(shadows.map(({ name }) => name)).toEqual(expect.arrayContaining([`${cell}.gates`, `${cell}.ogate_cy`]));
    expect(Math.min(...weights.map((row) => row.sqnr as number))).toBeGreaterThan(40);
  });

  test('compares the projections of a dynamically quantized attention', () => {
    const model = new nn.Sequential(new nn.MultiheadAttention(16, 4));
    expect(compareWeights(model, quantizeDynamic(model)).map(({ name }) => name)).toEqual(
      ['linear_Q', 'linear_K', 'linear_V', 'out_proj'].map((part) => `0.${part}.weight`),
    );
  });
});
