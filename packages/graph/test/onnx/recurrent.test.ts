import { Tensor } from '@octavo/core';
import { perChannelDynamicQConfig } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { type Graph, importOnnx, quantizeDynamic } from '../../src/index.js';
import { bits, floats } from '../models.js';
import { modelBytes, tensorProto } from './build-model.js';
import { nativeForm, withNative } from './native-form.js';
import { runInOrt } from './ort.js';
import { INT8, UINT8 } from './qdq-builder.js';
import {
  type DynamicForm,
  dynamicFeeds,
  dynamicModel,
  HIDDEN,
  type Layer,
  layerModel,
  values,
  WIDTH,
} from './recurrent-models.js';
import { largestDifference } from './shared-models.js';

function opsOf(graph: Graph): string[] {
  return [...graph.nodes()].map(({ op }) => op);
}

const layers: readonly [string, Layer][] = [
  ['an LSTM', { kind: 'LSTM', direction: 'forward' }],
  ['an LSTM without biases, backwards', { kind: 'LSTM', direction: 'reverse', bias: false }],
  [
    'an LSTM in both directions with lengths and states',
    { kind: 'LSTM', direction: 'bidirectional', lengths: true, states: true },
  ],
  ['an LSTM with the batch first', { kind: 'LSTM', direction: 'bidirectional', states: true, layout: 1 }],
  ['a GRU', { kind: 'GRU', direction: 'forward' }],
  [
    'a GRU in both directions with lengths and states',
    { kind: 'GRU', direction: 'bidirectional', lengths: true, states: true },
  ],
];

describe('recurrent layers of ONNX', () => {
  it.each(layers)('%s is the layer of a module, and gives what its definition gives', async (_, layer) => {
    const [own, definition] = [layerModel(layer, true), layerModel(layer, false)];
    const graph = await importOnnx(own.file);
    expect(opsOf(graph)).toContain(`aten::${layer.kind.toLowerCase()}_layer`);
    expect(opsOf(graph).filter((op) => op.startsWith('octavo::'))).toEqual([]);
    const got = graph.run(own.feeds);
    const expected = (await importOnnx(definition.file)).run(definition.feeds);
    for (const name of Object.keys(expected)) {
      // PyTorch's GRU is (h - n) z + n, ONNX's (1 - z) n + z h: the last bits differ.
      if (layer.kind === 'LSTM') expect(bits(got[name]), name).toEqual(bits(expected[name]));
      else expect(largestDifference(got[name], expected[name]), name).toBeLessThan(2 ** -22);
    }
  });

  it.each([
    ['gates that are clamped', { kind: 'LSTM', direction: 'forward', attrs: { clip: { float: 0.1 } } }],
    [
      'a GRU whose reset gate comes before its product',
      { kind: 'GRU', direction: 'forward', attrs: { linear_before_reset: 0 } },
    ],
  ] as readonly [string, Layer][])('%s: the definition stays', async (_, layer) => {
    expect(opsOf(await importOnnx(layerModel(layer, true).file))).toContain(`octavo::${layer.kind.toLowerCase()}`);
  });

  it('takes weights that the file cuts and joins, however large', async () => {
    const hidden = 200;
    const part = (name: string, dims: readonly number[]) =>
      tensorProto(
        name,
        dims,
        values(
          dims.reduce((a, b) => a * b, 1),
          name.length,
        ),
      );
    const file = modelBytes({
      inputs: { x: ['steps', 'batch', WIDTH] },
      initializers: [
        part('w', [4 * hidden, WIDTH]),
        part('r_in', [2 * hidden, hidden]),
        part('r_rest', [2 * hidden, hidden]),
        tensorProto('axes', [1], [0], 7),
      ],
      nodes: [
        { op: 'Unsqueeze', in: ['w', 'axes'], out: ['w1'] },
        { op: 'Concat', in: ['r_in', 'r_rest'], out: ['r'], attrs: { axis: 0 } },
        { op: 'Unsqueeze', in: ['r', 'axes'], out: ['r1'] },
        { op: 'LSTM', in: ['x', 'w1', 'r1'], out: ['y'], attrs: { hidden_size: hidden } },
      ],
      outputs: ['y'],
    });
    const graph = await importOnnx(file);
    expect(opsOf(graph).filter((op) => !op.startsWith('prim::'))).toEqual(['aten::lstm_layer', 'aten::unsqueeze']);
    const feeds = { x: floats([2, 1, WIDTH], 3) };
    expect(largestDifference(graph.run(feeds).y, (await runInOrt(file, feeds)).y)).toBeLessThan(1e-6);
  });

  it('reads what PyTorch writes for a layer with the batch first, at any batch and length', async () => {
    const random = (name: string, dims: readonly number[]) =>
      tensorProto(
        name,
        dims,
        values(
          dims.reduce((a, b) => a * b, 1),
          name.length,
        ),
      );
    const int64 = (name: string, ...numbers: number[]) => tensorProto(name, [numbers.length], numbers, 7);
    const file = modelBytes({
      inputs: { input: ['batch', 'length', WIDTH] },
      initializers: [
        random('onnx::LSTM_160', [2, 4 * HIDDEN, WIDTH]),
        random('onnx::LSTM_1610', [2, 4 * HIDDEN, HIDDEN]),
        random('onnx::LSTM_16200', [2, 8 * HIDDEN]),
        tensorProto('first', [], [0], 7),
        int64('zeroth', 0),
        int64('two', 2),
        int64('hidden', HIDDEN),
        int64('merged', 0, 0, -1),
      ],
      nodes: [
        { op: 'Shape', in: ['input'], out: ['shape'] },
        { op: 'Gather', in: ['shape', 'first'], out: ['batch_size'], attrs: { axis: 0 } },
        { op: 'Unsqueeze', in: ['batch_size', 'zeroth'], out: ['batch_dim'] },
        { op: 'Concat', in: ['two', 'batch_dim', 'hidden'], out: ['dims'], attrs: { axis: 0 } },
        { op: 'ConstantOfShape', in: ['dims'], out: ['zeros'] },
        { op: 'Transpose', in: ['input'], out: ['x'], attrs: { perm: [1, 0, 2] } },
        {
          op: 'LSTM',
          name: '/lstm/LSTM',
          in: ['x', 'onnx::LSTM_160', 'onnx::LSTM_1610', 'onnx::LSTM_16200', '', 'zeros', 'zeros'],
          out: ['y', 'h', 'c'],
          attrs: { hidden_size: HIDDEN, direction: 'bidirectional' },
        },
        { op: 'Transpose', in: ['y'], out: ['by_step'], attrs: { perm: [0, 2, 1, 3] } },
        { op: 'Reshape', in: ['by_step', 'merged'], out: ['flat'] },
        { op: 'Transpose', in: ['flat'], out: ['output'], attrs: { perm: [1, 0, 2] } },
      ],
      outputs: ['output', 'h'],
    });
    const graph = await importOnnx(file);
    const ops = opsOf(graph);
    expect(ops.filter((op) => op === 'aten::lstm_layer')).toHaveLength(2);
    const int8 = quantizeDynamic(graph, { '': perChannelDynamicQConfig });
    expect(opsOf(int8).filter((op) => op === 'quantized::lstm_layer_dynamic')).toHaveLength(2);
    for (const [batch, length] of [
      [1, 7],
      [4, 2],
    ] as const) {
      const feeds = { input: floats([batch, length, WIDTH], batch) };
      const [got, expected, rounded] = [graph.run(feeds), await runInOrt(file, feeds), int8.run(feeds)];
      for (const name of ['output', 'h']) {
        expect(largestDifference(got[name], expected[name]), name).toBeLessThan(1e-6);
        expect(largestDifference(rounded[name], expected[name]), name).toBeLessThan(0.01);
      }
    }
  });

  it('quantizes as a traced layer does', async () => {
    const { file, feeds } = layerModel({ kind: 'LSTM', direction: 'bidirectional' }, true);
    const graph = await importOnnx(file);
    const quantized = quantizeDynamic(graph, { '': perChannelDynamicQConfig });
    expect(opsOf(quantized)).toContain('quantized::lstm_layer_dynamic');
    expect(largestDifference(quantized.run(feeds).y, graph.run(feeds).y)).toBeLessThan(0.01);
  });
});

describe.skipIf(withNative === null)('native kernels', () => {
  it.each([
    ['LSTM', () => layerModel({ kind: 'LSTM', direction: 'bidirectional', lengths: true, states: true }, true)],
    ['GRU', () => layerModel({ kind: 'GRU', direction: 'bidirectional', states: true, layout: 1 }, true)],
    ['DynamicQuantizeLSTM', () => ({ file: dynamicModel(INT8, true), feeds: dynamicFeeds() })],
  ] as const)('of %s run every op, and give the bits of the reference', async (_, make) => {
    const { file, feeds } = make();
    const graph = await importOnnx(file);
    const { referenceOps, outputs } = nativeForm(graph, feeds);
    expect(referenceOps).toEqual([]);
    const expected = graph.run(feeds);
    for (const name of Object.keys(expected)) expect(bits(outputs[name]), name).toEqual(bits(expected[name]));
  });
});

describe('DynamicQuantizeLSTM', () => {
  it.each([
    ['int8, a scale a direction', INT8, false],
    ['int8, a scale a column', INT8, true],
    ['uint8, a scale a direction', UINT8, false],
  ] as const)('%s: int8 layers that give what ONNX Runtime gives', async (_, type, perColumn) => {
    const file = dynamicModel(type, perColumn);
    const graph = await importOnnx(file);
    expect(opsOf(graph).filter((op) => op === 'quantized::lstm_layer_dynamic')).toHaveLength(2);
    expect(graph.stage).toBe('quantized');
    const feeds = dynamicFeeds();
    const [got, expected] = [graph.run(feeds), await runInOrt(file, feeds)];
    // A code of h that flips at a tie is worth at most a step of its scale, 1 / 255, times a weight of about 1.
    for (const name of ['y', 'h', 'c']) expect(largestDifference(got[name], expected[name]), name).toBeLessThan(2e-3);
  });

  it.each([
    ['lengths', { lengths: true, states: false }, 'quantized::lstm_layer_dynamic'],
    ['lengths and states', { lengths: true }, 'quantized::lstm_layer_dynamic'],
    ['peepholes', { peepholes: true, lengths: true }, 'octavo::lstm_dynamic'],
    ['a clip', { attrs: { clip: { float: 0.5 } } }, 'octavo::lstm_dynamic'],
    ['coupled gates', { lengths: true, attrs: { input_forget: 1 } }, 'octavo::lstm_dynamic'],
  ] as const)('with %s gives what ONNX Runtime gives', async (_, form: DynamicForm, op) => {
    const file = dynamicModel(INT8, true, form);
    const graph = await importOnnx(file);
    expect(graph.stage).toBe('quantized');
    expect(opsOf(graph)).toContain(op);
    const { x, h0, c0 } = dynamicFeeds() as Record<'x' | 'h0' | 'c0', Tensor>;
    // The longest has all steps, or not.
    for (const lengths of [
      [5, 1, 2],
      [2, 4, 1],
    ]) {
      const feeds = {
        x,
        ...(form.states !== false && { h0, c0 }),
        ...(form.lengths && { lengths: Tensor.from(lengths, { dtype: 'int32' }) }),
      };
      const [got, expected] = [graph.run(feeds), await runInOrt(file, feeds)];
      // The same codes; sigmoid and tanh are other polynomials.
      for (const name of ['y', 'h', 'c']) expect(largestDifference(got[name], expected[name]), name).toBeLessThan(1e-6);
      if (withNative === null || op.startsWith('octavo::')) continue;
      const { referenceOps, outputs } = nativeForm(graph, feeds);
      expect(referenceOps).toEqual([]);
      for (const name of ['y', 'h', 'c']) expect(bits(outputs[name]), name).toEqual(bits(got[name]));
    }
  });
});
