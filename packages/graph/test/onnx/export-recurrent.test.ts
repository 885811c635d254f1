import { fromBinary } from '@bufbuild/protobuf';
import { Tensor } from '@octavo/core';
import { perChannelDynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { type Graph, importOnnx, quantizeDynamic } from '../../src/index.js';
import { encodeOnnx } from '../../src/onnx/export/written-model.js';
import { ModelProtoSchema } from '../../src/onnx/gen/onnx_pb.js';
import { bits } from '../models.js';
import { runInOrt } from './ort.js';
import { INT8, UINT8 } from './qdq-builder.js';
import { dynamicFeeds, dynamicModel, type Layer, layerModel } from './recurrent-models.js';
import { largestDifference } from './shared-models.js';

const both = { direction: 'bidirectional', lengths: true, states: true } as const;

function opsOf(graph: Graph): string[] {
  return [...graph.nodes()].map(({ op }) => op).filter((op) => op.includes('layer'));
}

describe.each([
  ['LSTM', { kind: 'LSTM', ...both }],
  ['GRU', { kind: 'GRU', ...both }],
  ['RNN', { kind: 'RNN', ...both, attrs: { activations: { texts: ['Tanh', 'Relu'] } } }],
] as const)('an int8 %s', (kind, layer: Layer) => {
  const { file, feeds } = layerModel(layer, true);

  it.each([perRowDynamicQConfig, perChannelDynamicQConfig])(
    'gives about the same in ONNX Runtime, %#',
    async (qconfig) => {
      const int8 = quantizeDynamic(await importOnnx(file), { '': qconfig });
      const exported = encodeOnnx(int8);
      const [ours, theirs] = [int8.run(feeds), await runInOrt(exported, feeds)];
      // Of values below 1, where ranges are others, or the states stay floats.
      for (const name of Object.keys(ours))
        expect(largestDifference(theirs[name], ours[name]), name).toBeLessThan(0.01);
      const again = await importOnnx(exported);
      expect(opsOf(again)).toEqual(
        kind === 'LSTM' ? opsOf(int8) : opsOf(int8).map((op) => op.replace(/quantized::(.*)_dynamic/, 'aten::$1')),
      );
      const back = again.run(feeds);
      for (const name of Object.keys(ours))
        expect(largestDifference(theirs[name], back[name]), name).toBeLessThan(1e-6);
    },
  );

  it('has weights of one byte', async () => {
    const exported = encodeOnnx(quantizeDynamic(await importOnnx(file), { '': perRowDynamicQConfig }));
    const { graph } = fromBinary(ModelProtoSchema, exported);
    const matrices = (graph?.initializer ?? []).filter(({ dims }) => dims.length === 3);
    expect(matrices.map(({ dataType }) => dataType)).toEqual([INT8, INT8, INT8, INT8]);
  });
});

describe('an LSTM by the ranges of ONNX Runtime', () => {
  it('comes back with its bits', async () => {
    const graph = await importOnnx(dynamicModel(INT8, true, { lengths: true }));
    const feeds = { ...dynamicFeeds(), lengths: Tensor.from([5, 1, 2], { dtype: 'int32' }) };
    const exported = encodeOnnx(graph);
    const [own, back] = [graph.run(feeds), (await importOnnx(exported)).run(feeds)];
    const ort = await runInOrt(exported, feeds);
    for (const [name, tensor] of Object.entries(own)) {
      expect(bits(back[name]), name).toEqual(bits(tensor));
      expect(largestDifference(ort[name], tensor), name).toBeLessThan(1e-6);
    }
  });

  it('keeps what modules do not have', async () => {
    const graph = await importOnnx(dynamicModel(INT8, true, { peepholes: true, attrs: { input_forget: 1 } }));
    const exported = encodeOnnx(graph);
    const [own, back] = [graph.run(dynamicFeeds()), (await importOnnx(exported)).run(dynamicFeeds())];
    const ort = await runInOrt(exported, dynamicFeeds());
    for (const [name, tensor] of Object.entries(own)) {
      expect(bits(back[name]), name).toEqual(bits(tensor));
      expect(largestDifference(ort[name], tensor), name).toBeLessThan(1e-6);
    }
  });

  it('is refused with zero points for channels', async () => {
    const graph = await importOnnx(dynamicModel(UINT8, true));
    expect(() => encodeOnnx(graph)).toThrow('DynamicQuantizeLSTM has no zero points for channels');
  });
});
