// Graphs written as ONNX and read back: the same bits, and the same integers from there.
import { createHash } from 'node:crypto';
import { F, isPackedParams, Module, nn, type Tensor } from '@octavo/core';
import { getDefaultQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { calibrate, type Graph, importOnnx, quantize, quantizeDynamic, trace } from '../../src/index.js';
import { encodeOnnx } from '../../src/onnx/export/written-model.js';
import { images, tinyConvNet } from '../conv-models.js';
import { floats, floatsOf, seeded, sentences, TinyClassifier } from '../models.js';

const roundTrip = (graph: Graph): Promise<Graph> => importOnnx(encodeOnnx(graph));

/** The first place where two results differ in their bits, or null. */
function firstDifference(a: Tensor | undefined, b: Tensor | undefined): unknown {
  const [x, y] = [floatsOf(a), floatsOf(b)];
  if (`${a?.dims}` !== `${b?.dims}`) return { dims: [a?.dims, b?.dims] };
  const at = x.findIndex((value, i) => !Object.is(value, y[i]));
  return at === -1 ? null : { at, ours: x[at], again: y[at] };
}

function expectSameBits(graph: Graph, again: Graph, feeds: Record<string, Tensor>): void {
  const [ours, theirs] = [graph.run(feeds), again.run(feeds)];
  expect(Object.keys(theirs)).toEqual(Object.keys(ours));
  for (const name of Object.keys(ours)) expect(firstDifference(ours[name], theirs[name]), name).toBeNull();
}

/** Digests of the packed weights with their scales, sorted: passes may name and order them as they like. */
function integers(graph: Graph): string[] {
  return [...graph.parameters.values()]
    .filter(isPackedParams)
    .map(({ weight, bias }) => {
      const hash = createHash('sha256').update(weight.dims.join());
      for (const part of [weight.values.data, weight.scales, weight.zeroPoints, bias?.data ?? []]) {
        hash.update(`${part}`);
      }
      return hash.digest('hex');
    })
    .sort();
}

/** Batch norm, ReLU6, depthwise convolution and pools of every kind around a residual sum: [n, 4, h, w] -> [n, 3]. */
class Residual extends Module<(x: Tensor) => Tensor> {
  expand = new nn.Conv2d(4, 12, 1, { bias: false });
  bn1 = new nn.BatchNorm2d(12);
  relu6 = new nn.ReLU6();
  depthwise = new nn.Conv2d(12, 12, 3, { padding: 1, groups: 12, bias: false });
  bn2 = new nn.BatchNorm2d(12);
  project = new nn.Conv2d(12, 4, 1);
  max = new nn.MaxPool2d(3, { stride: 2, padding: 1 });
  average = new nn.AvgPool2d(2, { stride: 1 });
  adaptive = new nn.AdaptiveAvgPool2d([2, 3]);
  fc = new nn.Linear(24, 3);

  forward(x: Tensor): Tensor {
    let y = this.relu6.call(this.bn1.call(this.expand.call(x)));
    y = this.project.call(this.relu6.call(this.bn2.call(this.depthwise.call(y))));
    y = this.average.call(this.max.call(F.add(y, x)));
    return this.fc.call(F.reshape(this.adaptive.call(y), [0, -1]));
  }
}

class Tagger extends Module<(x: Tensor) => Tensor> {
  lstm = new nn.LSTM(6, 8, { bidirectional: true });
  fc = new nn.Linear(16, 3);

  forward(x: Tensor): Tensor {
    return this.fc.call(this.lstm.call(x)[0]);
  }
}

describe('convolutional networks', () => {
  it.each([
    ['ResNet', (): Graph => trace(tinyConvNet().eval(), images(2)), images(5)],
    [
      'MobileNet',
      (): Graph => trace(seeded(() => new Residual()).eval(), { x: floats([1, 4, 9, 8]) }),
      { x: floats([3, 4, 9, 8], 5) },
    ],
  ] as const)('of the %s kind have their bits, and give the same int8 graph', async (_, make, feeds) => {
    const graph = make();
    const again = await roundTrip(graph);
    expectSameBits(graph, again, feeds);
    const qconfig = { '': getDefaultQConfig('fbgemm') };
    const int8 = await quantize(graph, qconfig, calibrate, [[feeds]]);
    const int8Again = await quantize(again, qconfig, calibrate, [[feeds]]);
    expect(integers(int8Again)).toEqual(integers(int8));
    expectSameBits(int8, int8Again, feeds);
  });
});

describe('a text classifier', () => {
  const make = (): Graph =>
    trace(
      seeded(() => new TinyClassifier()),
      sentences([3, 5]),
    );

  it('has its bits at other batches and lengths', async () => {
    const graph = make();
    const again = await roundTrip(graph);
    for (const lengths of [
      [3, 5],
      [7, 2, 6, 1],
    ])
      expectSameBits(graph, again, sentences(lengths));
  });

  it('gives the same integers and bits when both are quantized', async () => {
    const graph = make();
    const [int8, int8Again] = [graph, await roundTrip(graph)].map((g) =>
      quantizeDynamic(g, { '': perRowDynamicQConfig }),
    );
    expect(integers(int8Again as Graph)).toEqual(integers(int8 as Graph));
    expectSameBits(int8 as Graph, int8Again as Graph, sentences([4, 9, 2]));
  });
});

it('an adaptive pool in unequal parts, which ONNX has not, comes back as means: sums of few terms in another order', async () => {
  const feeds = { x: floats([2, 3, 5, 7], 3) };
  const graph = trace((x: Tensor) => F.adaptiveAvgPool2d(x, [2, 3]), feeds);
  const again = floatsOf((await roundTrip(graph)).run(feeds).output);
  const most = Math.max(...floatsOf(feeds.x).map(Math.abs));
  // A part has at most 3 x 4 elements: 11 additions and a division, each off by at most half a unit of a sum below 12 most.
  const errors = floatsOf(graph.run(feeds).output).map((value, i) => Math.abs(value - (again[i] as number)));
  expect(Math.max(...errors)).toBeLessThanOrEqual(12 * most * 2 ** -23);
});

it('a bidirectional LSTM has its bits at any length', async () => {
  const graph = trace(
    seeded(() => new Tagger()),
    { x: floats([5, 2, 6]) },
  );
  const again = await roundTrip(graph);
  for (const steps of [5, 1, 9]) expectSameBits(graph, again, { x: floats([steps, 3, 6], steps) });
});
