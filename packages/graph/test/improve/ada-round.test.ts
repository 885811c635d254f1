import { F, type Module, nn, Tensor } from '@octavo/core';
import {
  defaultPerChannelWeightObserver,
  defaultWeightObserver,
  defineQConfig,
  getDefaultQatQConfig,
  MinMaxObserver,
  perRowDynamicQConfig,
  staticImageQConfig,
  weightOnlyInt8QConfig,
} from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { patchesOf, shapeOfLayer } from '../../src/improve/layer-patches.js';
import {
  adaRound,
  calibrate,
  convert,
  type Feeds,
  type Graph,
  importOnnx,
  prepare,
  prepareDynamic,
  prepareQat,
  trace,
} from '../../src/index.js';
import { leafTensor } from '../../src/ir/leaf-nodes.js';
import { floats, seeded } from '../models.js';
import { modelBytes, tensorProto } from '../onnx/build-model.js';

const result = (graph: Graph, feeds: Feeds) => (Object.values(graph.run(feeds))[0] as Tensor<'float32'>).data;
const meanSquare = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (x, i) => (x - (b[i] as number)) ** 2).reduce((sum, x) => sum + x, 0) / a.length;
/** How far a prepared graph is from float once it is converted. */
const errorOf = (prepared: Graph, float: Graph, feeds: Feeds) =>
  meanSquare(result(convert(prepared), feeds), result(float, feeds));

const activation = MinMaxObserver.withArgs({});
/** Weights in 4 bits, so that what rounds them is most of the error. */
const perChannel = defineQConfig({
  activation,
  weight: defaultPerChannelWeightObserver.withArgs({ quantMin: -7, quantMax: 7 }),
});
const dynamic = defineQConfig({ ...perRowDynamicQConfig, weight: perChannel.weight });
const perTensor = defineQConfig({ activation, weight: defaultWeightObserver.withArgs({ quantMin: -7, quantMax: 7 }) });

/**
 * Data whose neighbours and channels go together, as those of images and sentences do: roundings can make up for each
 * other.
 */
function smooth(dims: readonly number[], seed: number): Tensor<'float32'> {
  const [batch, channels, ...spatial] = dims as [number, number, ...number[]];
  const plane = spatial.reduce((size, dim) => size * dim, 1);
  const coarse = floats([batch, 3, plane], seed).data;
  const mix = floats([channels, 3], 42).data;
  const data = Float32Array.from({ length: batch * channels * plane }, (_, i) => {
    const [n, c, at] = [Math.floor(i / (channels * plane)), Math.floor(i / plane) % channels, i % plane];
    let sum = 0;
    for (let k = 0; k < 3; k++) {
      for (const near of [at, Math.min(at + 1, plane - 1), Math.max(at - 1, 0)]) {
        sum += (mix[c * 3 + k] as number) * (coarse[(n * 3 + k) * plane + near] as number);
      }
    }
    return sum;
  });
  return new Tensor('float32', data, dims);
}

async function staticGraph(float: Graph, batches: readonly Feeds[], qconfig = perChannel): Promise<Graph> {
  return calibrate(prepare(float, { '': qconfig }), batches);
}

const LAYERS: Readonly<Record<string, { module: () => Module<(x: Tensor) => Tensor>; dims: readonly number[] }>> = {
  'a linear': { module: () => new nn.Linear(16, 8), dims: [32, 16] },
  'a 2-d convolution': { module: () => new nn.Conv2d(6, 8, 3, { padding: 1 }), dims: [8, 6, 6, 6] },
  'a depthwise convolution': { module: () => new nn.Conv2d(8, 8, 3, { groups: 8 }), dims: [8, 8, 6, 6] },
  'a grouped convolution': {
    module: () => new nn.Conv2d(8, 12, [3, 2], { groups: 4, stride: [2, 1], dilation: [1, 2], padding: [1, 2, 0, 1] }),
    dims: [8, 8, 7, 6],
  },
  'a 1-d convolution': { module: () => new nn.Conv1d(6, 8, 5, { padding: 2 }), dims: [8, 6, 12] },
  'a pointwise convolution': { module: () => new nn.Conv2d(12, 8, 1, { bias: false }), dims: [8, 12, 4, 4] },
};

describe('adaRound of static graphs', () => {
  it.each(Object.entries(LAYERS))('has less output error than the nearest codes on other data: %s', async (_, row) => {
    const { module, dims } = row;
    const feeds = (seed: number) => ({ x: smooth(dims, seed) });
    const float = trace(seeded(module), feeds(0));
    const batches = [1, 2, 3, 4].map(feeds);
    for (const qconfig of [perChannel, perTensor]) {
      const prepared = await staticGraph(float, batches, qconfig);
      const rounded = await adaRound(prepared, batches, { examples: 128 });
      expect(errorOf(rounded, float, feeds(9))).toBeLessThan(0.85 * errorOf(prepared, float, feeds(9)));
    }
  });

  it('makes up for rounding in the layers before', async () => {
    const feeds = (seed: number) => ({ x: smooth([8, 6, 6, 6], seed) });
    const model = () => new nn.Sequential(new nn.Conv2d(6, 16, 3), new nn.ReLU6(), new nn.Conv2d(16, 4, 1));
    const float = trace(seeded(model), feeds(0));
    const batches = [1, 2, 3, 4].map(feeds);
    // The first layer keeps its nearest codes, so that the second one alone can bring the output closer.
    const coarse = { ...perChannel, weight: perChannel.weight.withArgs({ quantMin: -3, quantMax: 3 }) };
    const prepared = await calibrate(prepare(float, { '': staticImageQConfig, 0: coarse }), batches);
    const rounded = await adaRound(prepared, batches);
    expect(errorOf(rounded, float, feeds(9))).toBeLessThan(0.7 * errorOf(prepared, float, feeds(9)));
  });

  it('reaches layers behind pools and reshapes, whose inputs have no observer of their own', async () => {
    const feeds = (seed: number) => ({ x: smooth([8, 6, 6, 6], seed) });
    const model = () =>
      new nn.Sequential(new nn.Conv2d(6, 8, 3), new nn.MaxPool2d(2), new nn.Flatten(), new nn.Linear(32, 4));
    const float = trace(seeded(model), feeds(0));
    const seen: string[] = [];
    await adaRound(await staticGraph(float, [feeds(1)]), [feeds(1)], { onProgress: (layer) => seen.push(layer) });
    expect(seen).toEqual(['0', '3']);
  });

  it('keeps the limits of codes, and every scale', async () => {
    const feeds = (seed: number) => ({ x: smooth([8, 6, 6, 6], seed) });
    const float = trace(
      seeded(() => new nn.Conv2d(6, 8, 3)),
      feeds(0),
    );
    const prepared = await staticGraph(float, [feeds(1)]);
    const [before, after] = [prepared, await adaRound(prepared, [feeds(1)])].map((graph) =>
      convert(graph, { debug: true }).get('weight'),
    ) as [{ scale: Float32Array }, Tensor<'float32'> & { scale: Float32Array }];
    expect(after.scale).toEqual(before.scale);
    const codes = after.data.map((w, i) => Math.round(w / (after.scale[Math.floor(i / 54)] as number)));
    expect(Math.max(...codes.map(Math.abs))).toBe(7);
  });
});

describe('adaRound of dynamic graphs', () => {
  it('has less output error than the nearest codes on other data', async () => {
    const mixed = (seed: number) => ({ x: F.matmul(floats([64, 4], seed), floats([4, 16], 42)) });
    const linear = trace(
      seeded(() => new nn.Linear(16, 8)),
      mixed(0),
    );
    const prepared = prepareDynamic(linear, { '': dynamic });
    const rounded = await adaRound(prepared, [1, 2, 3, 4].map(mixed), { examples: 256 });
    expect(errorOf(rounded, linear, mixed(9))).toBeLessThan(0.85 * errorOf(prepared, linear, mixed(9)));
    const [int8, debug] = [result(convert(rounded), mixed(9)), result(convert(rounded, { debug: true }), mixed(9))];
    int8.forEach((x, i) => {
      expect(x).toBeCloseTo(debug[i] as number, 4);
    });
  });

  it('takes batches of any length, and graphs whose shapes wait for a run', async () => {
    const file = modelBytes({
      inputs: { x: ['batch', 2, 8] },
      initializers: [tensorProto('w', [8, 4], [...floats([8, 4], 3).data]), tensorProto('factors', [3], [2, 1, 1], 7)],
      nodes: [
        { op: 'Shape', in: ['x'], out: ['dims'] },
        { op: 'Mul', in: ['dims', 'factors'], out: ['double'] },
        { op: 'ConstantOfShape', in: ['double'], out: ['zeros'] },
        { op: 'Concat', in: ['x', 'zeros'], out: ['padded'], attrs: { axis: 0 } },
        { op: 'MatMul', in: ['padded', 'w'], out: ['y'] },
      ],
      outputs: ['y'],
    });
    const float = await importOnnx(file);
    expect(float.print()).toContain('onnx::ConstantOfShape');
    const feeds = (batch: number, seed: number) => ({ x: smooth([batch, 2, 8], seed) });
    const prepared = prepareDynamic(float, { '': dynamic });
    const rounded = await adaRound(prepared, [feeds(70, 1), feeds(50, 2), feeds(70, 3)], { examples: 190 });
    expect(errorOf(rounded, float, feeds(60, 9))).toBeLessThan(0.85 * errorOf(prepared, float, feeds(60, 9)));
  });
});

describe('adaRound', () => {
  const feeds = (seed: number) => ({ x: smooth([4, 3, 6, 6], seed) });
  const float = trace(
    seeded(() => new nn.Sequential(new nn.Conv2d(3, 6, 3), new nn.ReLU(), new nn.Conv2d(6, 2, 3))),
    feeds(0),
  );
  const weightsOf = (prepared: Graph) =>
    ['0.weight', '2.weight'].flatMap((name) => [
      ...(convert(prepared, { debug: true }).get(name) as Tensor<'float32'>).data,
    ]);

  it('gives the same codes for the same seed, and leaves the graph it was given alone', async () => {
    const prepared = await staticGraph(float, [feeds(1)]);
    const before = weightsOf(prepared);
    const of = async (seed: number) => weightsOf(await adaRound(prepared, [feeds(1), feeds(2)], { seed, samples: 24 }));
    expect(await of(5)).toEqual(await of(5));
    expect(await of(5)).not.toEqual(await of(6));
    expect(weightsOf(prepared)).toEqual(before);
  });

  it('reads no more batches than it takes examples', async () => {
    let read = 0;
    const endless = function* () {
      for (;;) yield feeds(++read);
    };
    const prepared = await staticGraph(float, [feeds(1)]);
    await adaRound(prepared, endless(), { examples: 10, iterations: 1 });
    expect(read).toBe(3);
  });

  it('tells its progress and stops by its signal', async () => {
    const prepared = await staticGraph(float, [feeds(1)]);
    const controller = new AbortController();
    const seen: unknown[] = [];
    const rounding = adaRound(prepared, [feeds(1)], {
      iterations: 1,
      signal: controller.signal,
      onProgress: (...progress) => {
        seen.push(progress);
        controller.abort();
      },
    });
    await expect(rounding).rejects.toMatchObject({ code: 'ABORTED' });
    expect(seen).toEqual([['0', 1, 2]]);
  });

  it('leaves weights alone that calibration data may not choose', async () => {
    const x = { x: floats([4, 8]) };
    const linear = trace(
      seeded(() => new nn.Linear(8, 4)),
      x,
    );
    const onProgress = () => expect.unreachable('nothing is to be learned');
    await adaRound(prepareDynamic(linear, { '': weightOnlyInt8QConfig }), [x], { onProgress });
    const qat = await calibrate(prepareQat(linear, { '': getDefaultQatQConfig('fbgemm') }), [x]);
    await adaRound(qat, [x], { onProgress });
  });

  it.each([
    [{ samples: 0 }, 'samples'],
    [{ examples: 1.5 }, 'examples'],
    [{ iterations: -1 }, 'iterations'],
  ])('refuses %o', async (options, name) => {
    const prepared = await staticGraph(float, [feeds(1)]);
    await expect(adaRound(prepared, [feeds(1)], options)).rejects.toThrow(`[adaRound] ${name} must be a positive`);
  });
});

describe('patchesOf', () => {
  it.each(Object.entries(LAYERS))('times the weight are the outputs: %s', (_, { module, dims }) => {
    const x = floats(dims, 3);
    const graph = trace(seeded(module), { x });
    const layer = [...graph.nodes()].find(({ op }) => op === 'aten::conv' || op === 'aten::linear');
    if (layer === undefined) throw new Error('no layer');
    const weight = leafTensor(layer.input(1)) as Tensor<'float32'>;
    const bias = layer.inputs[2] ? (leafTensor(layer.input(2)) as Tensor<'float32'>).data : null;
    const { groups, rows, depth } = shapeOfLayer(layer, weight);
    const patches = patchesOf(layer, weight, dims);
    const y = result(graph, { x });
    expect(y.length).toBe(patches.count * groups * rows);
    const all = patches.read(
      x.data,
      Int32Array.from({ length: patches.count }, (_, i) => i),
    );
    const isLinear = layer.op === 'aten::linear';
    const plane = isLinear ? 1 : patches.count / (dims[0] as number);
    y.forEach((expected, i) => {
      const channel = Math.floor(i / plane) % (groups * rows);
      const position = Math.floor(i / (plane * groups * rows)) * plane + (i % plane);
      const start = (Math.floor(channel / rows) * patches.count + position) * depth;
      let sum = bias?.[channel] ?? 0;
      for (let k = 0; k < depth; k++) sum += (all[start + k] as number) * (weight.data[channel * depth + k] as number);
      expect(sum).toBeCloseTo(expected, 4);
    });
  });
});
