import { perRowDynamicQConfig } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { coverage, importOnnx, quantizeDynamic } from '../../src/index.js';
import { encodeOnnx } from '../../src/onnx/export/written-model.js';
import { bits } from '../models.js';
import { nativeForm, withNative } from './native-form.js';
import { runInOrt } from './ort.js';
import { type Layer, layerModel } from './recurrent-models.js';
import { largestDifference } from './shared-models.js';

const both = { direction: 'bidirectional', lengths: true, states: true } as const;
const activations = (...texts: string[]) => ({ activations: { texts } });

/** Each with the op that it becomes. */
const FORMS: readonly [string, Layer, op: string][] = [
  ['an LSTM with lengths and states', { kind: 'LSTM', ...both }, 'aten::lstm_layer'],
  ['a GRU with lengths and states', { kind: 'GRU', ...both }, 'aten::gru_layer'],
  ['an RNN', { kind: 'RNN', direction: 'forward' }, 'aten::rnn_tanh_layer'],
  ['an RNN backwards without biases', { kind: 'RNN', direction: 'reverse', bias: false }, 'aten::rnn_tanh_layer'],
  ['an RNN of relu', { kind: 'RNN', ...both, attrs: activations('Relu', 'Relu') }, 'aten::rnn_relu_layer'],
  ['an RNN of tanh and relu', { kind: 'RNN', ...both, attrs: activations('Tanh', 'Relu') }, 'aten::rnn_tanh_layer'],
  ['an RNN of sigmoids', { kind: 'RNN', ...both, attrs: activations('Sigmoid', 'Sigmoid') }, 'octavo::rnn'],
  ['an RNN that is clipped', { kind: 'RNN', ...both, attrs: { clip: { float: 0.2 } } }, 'octavo::rnn'],
  ['a GRU, reset before', { kind: 'GRU', ...both, attrs: { linear_before_reset: 0 } }, 'octavo::gru'],
  [
    'a GRU, reset before, clipped, without biases',
    { kind: 'GRU', direction: 'reverse', bias: false, attrs: { linear_before_reset: 0, clip: { float: 0.1 } } },
    'octavo::gru',
  ],
  ['a GRU, reset after, clipped', { kind: 'GRU', ...both, attrs: { clip: { float: 0.1 } } }, 'octavo::gru'],
  [
    'a GRU of hard sigmoids and soft signs',
    {
      kind: 'GRU',
      ...both,
      attrs: {
        ...activations('HardSigmoid', 'Softsign', 'HardSigmoid', 'ScaledTanh'),
        activation_alpha: { floats: [0.3, 0.25, 1.5] },
        activation_beta: { floats: [0.4, 0.45, 0.6] },
      },
    },
    'octavo::gru',
  ],
  ['an LSTM with peepholes', { kind: 'LSTM', ...both, peepholes: true }, 'octavo::lstm'],
  [
    'an LSTM with peepholes, clipped',
    { kind: 'LSTM', direction: 'reverse', peepholes: true, bias: false, attrs: { clip: { float: 0.1 } } },
    'octavo::lstm',
  ],
  [
    'an LSTM of parameterless activations',
    { kind: 'LSTM', direction: 'forward', attrs: activations('Sigmoid', 'Softsign', 'Softplus') },
    'octavo::lstm',
  ],
  [
    'an LSTM of activations with parameters',
    {
      kind: 'LSTM',
      ...both,
      attrs: {
        ...activations('HardSigmoid', 'LeakyRelu', 'Tanh', 'Sigmoid', 'ThresholdedRelu', 'Elu'),
        activation_alpha: { floats: [0.25, 0.05, 0.125, 0.8] },
        activation_beta: { floats: [0.5] },
      },
    },
    'octavo::lstm',
  ],
  [
    'an LSTM of affine functions',
    {
      kind: 'LSTM',
      direction: 'forward',
      attrs: {
        ...activations('Sigmoid', 'Affine', 'Tanh'),
        activation_alpha: { floats: [0.5] },
        activation_beta: { floats: [0.25] },
      },
    },
    'octavo::lstm',
  ],
  [
    'an LSTM of activations with the parameters that they have by default',
    { kind: 'LSTM', direction: 'forward', attrs: activations('hardsigmoid', 'elu', 'leakyrelu') },
    'octavo::lstm',
  ],
];

describe.each(FORMS)('%s', (_, layer, op) => {
  const { file, feeds } = layerModel(layer, true);

  it('gives what ONNX Runtime gives, also exported and imported again', async () => {
    const graph = await importOnnx(file);
    expect([...graph.nodes()].map((node) => node.op)).toContain(op);
    const [got, expected] = [graph.run(feeds), await runInOrt(file, feeds)];
    for (const name of Object.keys(expected)) {
      // Other polynomials, over five steps of values around 1.
      expect(largestDifference(got[name], expected[name]), name).toBeLessThan(1e-6);
    }
    const again = (await importOnnx(encodeOnnx(graph))).run(feeds);
    for (const name of Object.keys(got)) expect(bits(again[name]), name).toEqual(bits(got[name]));
  });

  it('quantizes where modules have its form, and else says why not', async () => {
    const graph = await importOnnx(file);
    const quantized = quantizeDynamic(graph, { '': perRowDynamicQConfig });
    const { rows, int8Share } = coverage(quantized);
    const isForeign = op.startsWith('octavo::');
    expect(int8Share).toBe(isForeign ? 0 : 1);
    expect(rows[0]?.reason).toContain(isForeign ? 'in a form that modules do not have' : '');
    const [got, expected] = [quantized.run(feeds), graph.run(feeds)];
    for (const name of Object.keys(expected)) {
      if (isForeign) expect(bits(got[name]), name).toEqual(bits(expected[name]));
      else expect(largestDifference(got[name], expected[name]), name).toBeLessThan(0.02);
    }
    if (withNative === null || isForeign) return;
    for (const form of [graph, quantized]) {
      const { referenceOps, outputs } = nativeForm(form, feeds);
      expect(referenceOps).toEqual([]);
      const reference = form.run(feeds);
      for (const name of Object.keys(reference)) expect(bits(outputs[name]), name).toEqual(bits(reference[name]));
    }
  });
});

it('an LSTM whose forget gate is coupled to its input gate', async () => {
  const { file, feeds } = layerModel({ kind: 'LSTM', ...both, attrs: { input_forget: 1 } }, true);
  const graph = await importOnnx(file);
  const [got, expected] = [graph.run(feeds), await runInOrt(file, feeds)];
  for (const name of Object.keys(expected)) {
    expect(largestDifference(got[name], expected[name]), name).toBeLessThan(1e-6);
  }
  const again = (await importOnnx(encodeOnnx(graph))).run(feeds);
  for (const name of Object.keys(got)) expect(bits(again[name]), name).toEqual(bits(got[name]));
});

it('refuses activations that are no list of texts', async () => {
  const { file } = layerModel({ kind: 'RNN', direction: 'forward', attrs: { activations: 'Tanh' } }, true);
  await expect(importOnnx(file)).rejects.toMatchObject({
    code: 'INVALID_DATA',
    message: expect.stringContaining("attribute 'activations' is no list of texts"),
  });
});

it('refuses an activation that is none by its name', async () => {
  const { file } = layerModel({ kind: 'RNN', direction: 'forward', attrs: activations('Swish') }, true);
  await expect(importOnnx(file)).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringContaining('the activation Swish'),
  });
});
