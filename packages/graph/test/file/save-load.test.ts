import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConvPackedParams,
  dequantize,
  F,
  Module,
  nn,
  Q,
  QuantizedTensor,
  quantizePerTensor,
  Tensor,
} from '@octavo/core';
import { readSafetensors } from '@octavo/core/node';
import { defaultDynamicQConfig, perChannelDynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  coverage,
  type Graph,
  graphSizeBytes,
  loadGraph,
  prepareDynamic,
  quantizeDynamic,
  saveGraph,
  trace,
} from '../../src/index.js';
import { bits, floats, Mlp, seeded, sentences, TinyClassifier } from '../models.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octavo-graph-'));
});
afterAll(() => rm(folder, { recursive: true }));

const float = trace(
  seeded(() => new TinyClassifier()),
  sentences([3, 5]),
);
const feeds = sentences([5, 2, 7]);

async function roundTrip(graph: Graph, name: string): Promise<Graph> {
  const path = join(folder, name);
  const size = await saveGraph(graph, path);
  expect((await stat(path)).size).toBe(size);
  expect(graphSizeBytes(graph)).toBe(size);
  return loadGraph(path);
}

describe('saveGraph and loadGraph', () => {
  it.each<[string, Graph]>([
    ['float', float],
    ['perRow', quantizeDynamic(float, { '': perRowDynamicQConfig })],
    ['perChannel', quantizeDynamic(float, { '': perChannelDynamicQConfig, classifier: null })],
    ['default', quantizeDynamic(float, { '': defaultDynamicQConfig, 'layers.1': perRowDynamicQConfig })],
    ['perRow debug', quantizeDynamic(float, { '': perRowDynamicQConfig }, { debug: true })],
    ['default debug', quantizeDynamic(float, { '': defaultDynamicQConfig }, { debug: true })],
  ])('keep everything: %s', async (name, graph) => {
    const loaded = await roundTrip(graph, `${name}.octavo`);
    expect(loaded.print()).toBe(graph.print());
    expect(loaded.stage).toBe(graph.stage);
    expect([...loaded.modules]).toEqual([...graph.modules]);
    expect([...loaded.frozen]).toEqual([...graph.frozen]);
    expect(coverage(loaded)).toEqual(coverage(graph));
    expect(bits(loaded.run(feeds).output)).toEqual(bits(graph.run(feeds).output));
    expect(graphSizeBytes(loaded)).toBe(graphSizeBytes(graph));
  });

  it('give a float graph that can be quantized, and a debug graph that can be read', async () => {
    const loaded = await roundTrip(float, 'again.octavo');
    const [a, b] = [float, loaded].map((graph) => quantizeDynamic(graph, { '': perRowDynamicQConfig }));
    expect(bits(b!.run(feeds).output)).toEqual(bits(a!.run(feeds).output));
    expect(() => quantizeDynamic(loaded, { poolr: null })).toThrow(/did you mean 'pooler'/);
    const debug = await roundTrip(
      quantizeDynamic(float, { '': perRowDynamicQConfig }, { debug: true }),
      'debug.octavo',
    );
    expect(debug.get('pooler.weight').axis).toBe(0);
    expect(debug.get('pooler.weight').scale).toHaveLength(8);
    const frozen = await roundTrip(quantizeDynamic(float, { '': perRowDynamicQConfig }), 'frozen.octavo');
    expect(() => frozen.get('pooler.weight')).toThrow(/frozen/);
  });

  it('keep constants of all kinds, shapes fixed by the trace, and odd numbers', async () => {
    const model = (x: Tensor, ids: Tensor) => ({
      a: F.add(F.mul(x, -0), F.reshape(x, [...x.dims])),
      b: F.embedding(F.cat([ids, Tensor.from([1n, 0n], { dtype: 'int64' })]), floats([4, 3])),
      c: F.cat([F.to(x, 'bool'), Tensor.from([[true, false]], { dtype: 'bool' })], 0),
      d: F.multiHeadAttention(F.unsqueeze(x, 0), F.unsqueeze(x, 0), F.unsqueeze(x, 0), null, { heads: 1, scale: -0 }),
    });
    const inputs = { x: floats([2, 2]), ids: Tensor.from([3n], { dtype: 'int64' }) };
    const graph = trace(model, inputs);
    const loaded = await roundTrip(graph, 'constants.octavo');
    expect(loaded.fixedBy).toBe(graph.fixedBy);
    expect(loaded.print()).toBe(graph.print());
    for (const name of graph.outputNames) expect(bits(loaded.run(inputs)[name])).toEqual(bits(graph.run(inputs)[name]));
    expect([...loaded.nodes()].map(({ attrs }) => attrs.scale)).toContainEqual(-0);
    expect(() => loaded.run({ ...inputs, x: floats([3, 2]) })).toThrow(/fixed the graph/);
  });

  it('store a shared tensor once, and no float weight that was packed', async () => {
    const large = seeded(() => new nn.Sequential(new nn.Linear(256, 256), new nn.Linear(256, 256)));
    (large as unknown as { 1: nn.Linear })[1].weight = (large as unknown as { 0: nn.Linear })[0].weight;
    const graph = trace(large, { x: floats([1, 256]) });
    const sizes = [{ debug: true }, { debug: false }].map((options) =>
      graphSizeBytes(quantizeDynamic(graph, { '': perRowDynamicQConfig }, options)),
    );
    const weights = 4 * 256 * 256;
    expect(graphSizeBytes(graph)).toBeLessThan(weights + 8000);
    expect(sizes[0]).toBeLessThan(weights + 16000);
    const packed = trace(
      seeded(() => new nn.Sequential(new nn.Linear(256, 256))),
      { x: floats([1, 256]) },
    );
    expect(graphSizeBytes(quantizeDynamic(packed, { '': perRowDynamicQConfig }))).toBeLessThan(weights / 4 + 8000);
  });

  it('write a file that any safetensors reader lists', async () => {
    await roundTrip(
      quantizeDynamic(
        trace(
          seeded(() => new Mlp()),
          { x: floats([1, 8]) },
        ),
        { '': perRowDynamicQConfig },
      ),
      'mlp.octavo',
    );
    const { tensors, metadata } = await readSafetensors(join(folder, 'mlp.octavo'));
    expect(
      Object.entries(tensors)
        .map(([name, { type, dims }]) => `${name} ${type} ${dims.join('x')}`)
        .sort(),
    ).toEqual([
      'fc1._packed_params.bias float32 16',
      'fc1._packed_params.scales float32 16',
      'fc1._packed_params.weight int8 16x8',
      'fc1._packed_params.zero_points int32 16',
      'fc2._packed_params.bias float32 4',
      'fc2._packed_params.scales float32 4',
      'fc2._packed_params.weight int8 4x16',
      'fc2._packed_params.zero_points int32 4',
    ]);
    expect(JSON.parse(metadata.format as string)).toEqual({ major: 1, minor: 0 });
    expect(JSON.parse(metadata.graph as string)).toMatchObject({
      name: 'Mlp',
      stage: 'quantized',
      ops: { 'aten::gelu': 1 },
    });
  });

  it('refuse a prepared graph', async () => {
    const prepared = prepareDynamic(float, { '': perRowDynamicQConfig });
    await expect(saveGraph(prepared, join(folder, 'prepared.octavo'))).rejects.toThrow(/convert it first/);
    expect(() => graphSizeBytes(prepared)).toThrow(/convert it first/);
  });

  it('keep packed convolutions with their geometry', async () => {
    const qparams = { scales: Float32Array.of(0.5), zeroPoints: Int32Array.of(0) };
    const weight = new QuantizedTensor('qint8', Tensor.from([[[1, 2]]], { dtype: 'int8' }), qparams);
    class Conv extends Module {
      private readonly packed = new ConvPackedParams(weight, null, { stride: 2, padding: [1, 0] });

      forward(x: Tensor): Tensor {
        return dequantize(
          Q.conv(quantizePerTensor(x, 0.5, 3), this.packed, { scale: 1, zeroPoint: 0, activation: 'relu6' }),
        );
      }
    }
    const x = Tensor.from([[[1, 2, 3]]]);
    const graph = trace(new Conv(), { x });
    expect(graph.print()).toContain('%_packed_params.1 : Conv1dPackedParamsBase = prim::GetAttr');
    expect(graph.print()).toContain('zeroPoint=0, activation=relu6](');
    await saveGraph(graph, join(folder, 'conv.octavo'));
    const loaded = await loadGraph(join(folder, 'conv.octavo'));
    expect(loaded.print()).toBe(graph.print());
    expect(loaded.run({ x }).output?.data).toEqual(graph.run({ x }).output?.data);
  });
});
