import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import * as nn from '../../src/nn/index.js';
import { sigmoid, tanh } from '../../src/numerics/elementary.js';
import { manualSeed } from '../../src/random.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits, goldenCases, itGolden } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

const f = Math.fround;

describe('names, sizes and print', () => {
  it('parameters have PyTorch’s names and order', () => {
    const lstm = new nn.LSTM(5, 7, { numLayers: 2, bidirectional: true, projSize: 3 });
    const state = lstm.stateDict();
    expect(Object.keys(state)).toEqual(
      ['l0', 'l0_reverse', 'l1', 'l1_reverse'].flatMap((suffix) =>
        ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh', 'weight_hr'].map((name) => `${name}_${suffix}`),
      ),
    );
    expect(state.weight_ih_l0?.raw.dims).toEqual([28, 5]);
    expect(state.weight_ih_l1?.raw.dims).toEqual([28, 6]);
    expect(state.weight_hh_l1_reverse?.raw.dims).toEqual([28, 3]);
    expect(state.weight_hr_l0?.raw.dims).toEqual([3, 7]);
    expect(state.bias_hh_l0?.raw.dims).toEqual([28]);
    expect(Object.keys(new nn.GRU(2, 3, { bias: false }).stateDict())).toEqual(['weight_ih_l0', 'weight_hh_l0']);
    expect(Object.keys(new nn.RNNCell(2, 3).stateDict())).toEqual(['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh']);
    expect(new nn.GRUCell(2, 3).weight_hh?.raw.dims).toEqual([9, 3]);
    const bound = 1 / Math.sqrt(7);
    const weight = (lstm.weight_ih_l0 as Tensor).raw.data as Float32Array;
    expect([...weight].every((w) => Math.abs(w) <= bound)).toBe(true);
  });

  it('print as PyTorch prints them', () => {
    expect(String(new nn.LSTM(8, 20))).toBe('LSTM(8, 20)');
    const options = { numLayers: 2, bias: false, batchFirst: true, dropout: 0.5, bidirectional: true };
    expect(String(new nn.LSTM(8, 20, { ...options, projSize: 4 }))).toBe(
      'LSTM(8, 20, proj_size=4, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)',
    );
    expect(String(new nn.GRU(8, 20, { numLayers: 2 }))).toBe('GRU(8, 20, num_layers=2)');
    expect(String(new nn.LSTMCell(8, 20, { bias: false }))).toBe('LSTMCell(8, 20, bias=False)');
    expect(String(new nn.GRUCell(8, 20))).toBe('GRUCell(8, 20)');
    expect(String(new nn.RNNCell(8, 20, { nonlinearity: 'relu' }))).toBe('RNNCell(8, 20, nonlinearity=relu)');
  });

  it('refuse wrong options and shapes', () => {
    expect(() => new nn.LSTM(-1, 2)).toThrow('[LSTM] inputSize must be an integer of 0 or more, got -1');
    expect(() => new nn.GRU(1, 2, { numLayers: 0 })).toThrow('[GRU] numLayers must be an integer above 0, got 0');
    expect(() => new nn.LSTM(1, 2, { dropout: 2 })).toThrow('dropout must be between 0 and 1, got 2');
    expect(() => new nn.LSTM(1, 2, { projSize: 2 })).toThrow('projSize must be below hiddenSize 2, got 2');
    expect(() => new nn.RNNCell(1, 2, { nonlinearity: 'gelu' as never })).toThrow("'tanh' or 'relu', got 'gelu'");
    const lstm = new nn.LSTM(3, 2, { batchFirst: true });
    expect(() => lstm.call(Tensor.zeros([2, 5, 4]))).toThrow(
      '[LSTM] expected x [batch, time, 3] or [time, 3], got [2, 5, 4]',
    );
    expect(() => lstm.call(Tensor.zeros([2, 0, 3]))).toThrow('at least one time step');
    const zeros = Tensor.zeros([1, 2, 2]);
    expect(() => lstm.call(Tensor.zeros([2, 5, 3]), [zeros, Tensor.zeros([1, 5, 2])])).toThrow(
      '[LSTM] expected c0 [1, 2, 2], got [1, 5, 2]',
    );
    const cell = new nn.GRUCell(3, 2);
    expect(() => cell.call(Tensor.zeros([1, 2, 3]))).toThrow('[GRUCell] expected x [batch, 3] or [3], got [1, 2, 3]');
    expect(() => cell.call(Tensor.zeros([4, 3]), zeros)).toThrow('[GRUCell] expected h [4, 2], got [1, 2, 2]');
  });
});

describe('steps', () => {
  it('an LSTM of one unit, by hand', () => {
    const lstm = new nn.LSTM(1, 1);
    lstm.loadStateDict({
      weight_ih_l0: Tensor.from([[1], [2], [3], [4]]),
      weight_hh_l0: Tensor.from([[0.5], [0.25], [-1], [2]]),
      bias_ih_l0: Tensor.from([0.1, 0.2, 0.3, 0.4]),
      bias_hh_l0: Tensor.from([0, 0, 0, 0]),
    });
    const [output, [h, c]] = lstm.call(Tensor.from([[[0.5]], [[-0.25]]]));
    let [hidden, cell] = [0, 0];
    for (const x of [0.5, -0.25]) {
      const gate = (w: number, u: number, b: number): number => f(f(u * hidden) + f(f(w * x) + f(b)));
      const [i, forget, g, o] = [gate(1, 0.5, 0.1), gate(2, 0.25, 0.2), gate(3, -1, 0.3), gate(4, 2, 0.4)];
      cell = f(f(sigmoid(forget) * cell) + f(sigmoid(i) * tanh(g)));
      hidden = f(sigmoid(o) * tanh(cell));
    }
    expect(output.raw.dims).toEqual([2, 1, 1]);
    expect((output.raw.data as Float32Array)[1]).toBeCloseTo(hidden, 6);
    expect(h.toArray()).toEqual([[[(output.raw.data as Float32Array)[1]]]]);
    expect(c.item()).toBeCloseTo(cell, 6);
  });

  it.each([
    [new nn.LSTM(4, 3), new nn.LSTMCell(4, 3)],
    [new nn.GRU(4, 3), new nn.GRUCell(4, 3)],
  ] as const)('%s is its cell, applied step by step', (rnn, cell) => {
    for (const part of ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'] as const) {
      cell[part] = rnn[`${part}_l0`] as Tensor;
    }
    const x = randomTensor([5, 2, 4], 1);
    const [output] = rnn.call(x);
    let state: Tensor | [Tensor, Tensor] | null = null;
    for (let t = 0; t < 5; t++) {
      state = cell.call(F.select(x, 0, t), state as never);
      expectSameBits(`step ${t}`, F.select(output, 0, t), Array.isArray(state) ? (state[0] as Tensor) : state);
    }
  });

  it('RNNCell is tanh or ReLU of the two linears', () => {
    for (const [nonlinearity, activation] of [
      ['tanh', F.tanh],
      ['relu', F.relu],
    ] as const) {
      const cell = new nn.RNNCell(4, 3, { nonlinearity });
      const [x, h] = [randomTensor([2, 4], 1), randomTensor([2, 3], 2)];
      const ih = F.linear(x, cell.weight_ih as Tensor, cell.bias_ih);
      const hh = F.linear(h, cell.weight_hh as Tensor, cell.bias_hh);
      expectSameBits(nonlinearity, cell.call(x, h), activation(F.add(hh, ih)));
      const single = cell.call(F.select(x, 0, 1), F.select(h, 0, 1));
      expectSameBits('one without a batch', single, F.select(cell.call(x, h), 0, 1));
    }
  });
});

describe('sequences', () => {
  const x = randomTensor([6, 2, 4], 3);

  it('batch first is the same, transposed, and one sequence needs no batch', () => {
    const options = { numLayers: 2, bidirectional: true };
    const rnn = new nn.LSTM(4, 3, options);
    const other = new nn.LSTM(4, 3, { ...options, batchFirst: true });
    other.loadStateDict(rnn.stateDict());
    const [output, [h, c]] = rnn.call(x);
    expect([output, h, c].map(({ raw }) => raw.dims)).toEqual([
      [6, 2, 6],
      [4, 2, 3],
      [4, 2, 3],
    ]);
    const [transposed, [otherH]] = other.call(F.transpose(x, 0, 1));
    expectSameBits('output', F.transpose(transposed, 0, 1), output);
    expectSameBits('h', otherH, h);
    const [single, [singleH]] = other.call(F.select(x, 1, 1));
    expectSameBits('single', single, F.select(output, 1, 1));
    expectSameBits('single h', singleH, F.select(h, 1, 1));
  });

  it('the reverse direction is the forward one on the reversed sequence', () => {
    const both = new nn.GRU(4, 3, { bidirectional: true });
    const one = new nn.GRU(4, 3);
    for (const part of ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'] as const) {
      one[`${part}_l0`] = both[`${part}_l0_reverse`] as Tensor;
    }
    const reversed = F.cat(Array.from({ length: 6 }, (_, t) => F.slice(x, 0, 5 - t, 6 - t)));
    const [output, h] = both.call(x);
    const [expected, last] = one.call(reversed);
    expectSameBits('first of the output', F.slice(F.select(output, 0, 0), -1, 3), F.select(expected, 0, 5));
    expectSameBits('h', F.select(h, 0, 1), F.select(last, 0, 0));
  });

  it('a state carries a sequence on', () => {
    for (const options of [{}, { numLayers: 2 }, { projSize: 2 }]) {
      const lstm = new nn.LSTM(4, 3, options);
      const [whole, [h, c]] = lstm.call(x);
      const [first, state] = lstm.call(F.slice(x, 0, 0, 2));
      const [second, [lastH, lastC]] = lstm.call(F.slice(x, 0, 2), state);
      expectSameBits('output', F.cat([first, second]), whole);
      expectSameBits('h', lastH, h);
      expectSameBits('c', lastC, c);
      expect(h.raw.dims.at(-1)).toBe('projSize' in options ? 2 : 3);
    }
  });

  it.each([nn.LSTM, nn.GRU])('sequences of their own lengths are each what they are alone', (Layer) => {
    const lengths = [4, 6];
    const rnn = new Layer(4, 3, { numLayers: 2, bidirectional: true });
    const run = (input: Tensor, own: Tensor | null) => {
      const [output, state] = rnn.call(input, null, own) as [Tensor, Tensor | Tensor[]];
      return [output, ...[state].flat()] as Tensor[];
    };
    const [output, ...states] = run(x, Tensor.from(lengths, { dtype: 'int32' })) as [Tensor, ...Tensor[]];
    lengths.forEach((length, item) => {
      const [alone, ...last] = run(F.slice(F.slice(x, 1, item, item + 1), 0, 0, length), null) as [Tensor, ...Tensor[]];
      const own = F.slice(output, 1, item, item + 1);
      expectSameBits(`output ${item}`, F.slice(own, 0, 0, length), alone);
      expect(F.slice(own, 0, length).raw.data.every((value) => value === 0)).toBe(true);
      states.forEach((state, i) => {
        expectSameBits(`state ${item}`, F.slice(state, 1, item, item + 1), last[i] as Tensor);
      });
    });
    expect(() => rnn.call(x, null, Tensor.from([1, 7], { dtype: 'int32' }))).toThrow('between 0 and 6, got 1, 7');
    expect(() => rnn.call(x, null, Tensor.from([1], { dtype: 'int32' }))).toThrow(
      'expected lengths int32 [2], got int32 [1]',
    );
  });

  it('a sequence of no steps of its own keeps its state', () => {
    const gru = new nn.GRU(4, 3);
    const h = randomTensor([1, 2, 3], 4);
    const [output, last] = gru.call(x, h, Tensor.from([0, 0], { dtype: 'int32' }));
    expectSameBits('h', last, h);
    expect(output.raw.data.every((value) => value === 0)).toBe(true);
  });

  it('drops between layers in training only', () => {
    manualSeed(1);
    const gru = new nn.GRU(4, 3, { numLayers: 2, dropout: 0.5 });
    const plain = new nn.GRU(4, 3, { numLayers: 2 });
    plain.loadStateDict(gru.stateDict());
    expectSameBits('evaluation', gru.call(x)[0], plain.call(x)[0]);
    gru.train();
    expect(gru.call(x)[0].raw.data).not.toEqual(plain.call(x)[0].raw.data);
    expectSameBits('the first layer', F.select(gru.call(x)[1], 0, 0), F.select(plain.call(x)[1], 0, 0));
  });
});

itGolden('float LSTM and GRU are near PyTorch’s on all stored sequences', () => {
  let checked = 0;
  for (const { name, op, params, inputs, outputs } of goldenCases('lstm_dynamic')) {
    if (outputs.float_output === undefined) continue;
    const options = {
      numLayers: params.num_layers as number,
      bidirectional: params.bidirectional === true,
      batchFirst: params.batch_first === true,
    };
    const sizes = [params.input_size as number, params.hidden_size as number] as const;
    const module = op === 'LSTM_dynamic' ? new nn.LSTM(...sizes, options) : new nn.GRU(...sizes, options);
    module.loadStateDict(
      Object.fromEntries(Object.keys(module.stateDict()).map((key) => [key, inputs[key] as Tensor])),
    );
    const [h, c] = [inputs.h0 as Tensor | undefined, inputs.c0 as Tensor | undefined];
    const state = h === undefined ? null : c === undefined ? h : ([h, c] as const);
    const [output] = module.call(inputs.x as Tensor, state as never);
    const expected = (outputs.float_output as Tensor).raw.data as Float32Array;
    expect(output.raw.dims, name).toEqual((outputs.float_output as Tensor).raw.dims);
    // Sums and elementary functions round in another order there: a few units in the last place of values below 1.
    const worst = expected.reduce((max, y, i) => Math.max(max, Math.abs(y - (output.raw.data as Float32Array)[i]!)), 0);
    expect(worst, name).toBeLessThan(1e-6);
    checked++;
  }
  expect(checked).toBe(64);
});
