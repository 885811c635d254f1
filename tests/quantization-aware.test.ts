// Training with quantization errors gives the same integers in eager and graph mode.
import { manualSeed, nn, Tensor } from '@octavo/core';
import {
  convert as convertEager,
  DeQuantStub,
  FloatFunctional,
  fuseModules,
  prepareQat as prepareEager,
  QuantStub,
} from '@octavo/eager';
import { calibrate, convert, type Graph, prepareQat, trace, trainingStep } from '@octavo/graph';
import { getDefaultQatQConfig } from '@octavo/observers';
import { expect, it } from 'vitest';

/** Two convolutions around a sum, a pool and a linear: what both modes train. */
class Net extends nn.Module<(x: Tensor) => Tensor> {
  quant: nn.Module = new QuantStub();
  conv1: nn.Module = new nn.Conv2d(3, 4, 3, { padding: 1 });
  relu1: nn.Module = new nn.ReLU();
  conv2: nn.Module = new nn.Conv2d(4, 4, 3, { padding: 1, groups: 2 });
  sum = new FloatFunctional();
  pool = new nn.MaxPool2d(2);
  flatten = new nn.Flatten();
  fc: nn.Module = new nn.Linear(36, 5);
  dequant: nn.Module = new DeQuantStub();
  forward(input: Tensor): Tensor {
    const x = this.relu1.call(this.conv1.call(this.quant.call(input)));
    const y = this.pool.call(this.sum.add(x, this.conv2.call(x)));
    return this.dequant.call(this.fc.call(this.flatten.call(y)));
  }
}

function noise(seed: number, dims = [4, 3, 6, 6]): Tensor<'float32'> {
  const generator = manualSeed(seed);
  const size = dims.reduce((product, dim) => product * dim, 1);
  return new Tensor(
    'float32',
    Float32Array.from({ length: size }, () => generator.normal()),
    dims,
  );
}

manualSeed(5);
const net = new Net();
const batches = [1, 2, 3].map((seed) => noise(seed));
const bits = (y: Tensor): number[] => Array.from(new Int32Array((y.data as Float32Array).slice().buffer));

it.each(['fbgemm', 'onednn', 'qnnpack'] as const)(
  'of the %s qconfig, bit for bit before and after convert',
  async (engine) => {
    const qconfig = getDefaultQatQConfig(engine);
    const eager = prepareEager(fuseModules(net.train() as Net, ['conv1', 'relu1']), { qconfig });
    const graph: Graph = prepareQat(trace(net, { input: noise(9) }), { '': qconfig });
    for (const batch of batches) {
      const y = eager.call(batch);
      expect(bits(trainingStep(graph, { input: batch }).outputs.output as Tensor)).toEqual(bits(y));
    }
    eager.eval();
    const int8 = convert(graph).run({ input: noise(4) }).output as Tensor;
    expect(bits(int8)).toEqual(bits(convertEager(eager).call(noise(4))));
    const again = prepareQat(trace(net, { input: noise(9) }), { '': qconfig });
    await calibrate(
      again,
      batches.map((input) => ({ input })),
    );
    expect(bits(convert(again).run({ input: noise(4) }).output as Tensor)).toEqual(bits(int8));
  },
);

it('gives both the same gradients', () => {
  const qconfig = getDefaultQatQConfig('onednn');
  manualSeed(6);
  const layers = new nn.Sequential(new QuantStub(), new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 3));
  const graph = prepareQat(trace(layers, { x: noise(1, [2, 4]) }), { '': qconfig });
  const eager = prepareEager(fuseModules(layers.train() as nn.Sequential, ['1', '2']), { qconfig });
  const [x, dy] = [noise(7, [6, 4]), noise(8, [6, 3])];
  eager.call(x);
  type Trained = { backward(gradient: Tensor): { input: Tensor; weight: Tensor; bias: Tensor } };
  const second = (eager.at(3) as unknown as Trained).backward(dy);
  const first = (eager.at(1) as unknown as Trained).backward(second.input);
  const { parameters } = trainingStep(graph, { x }).backward({ output: dy });
  const near = (a: Tensor | undefined, b: Tensor): void =>
    (b.data as Float32Array).forEach((value, i) => {
      // Sums in another order: double precision there, float32 here.
      expect(Math.abs(((a as Tensor).data[i] as number) - value)).toBeLessThan(1e-5);
    });
  near(parameters['1.weight'], first.weight);
  near(parameters['1.bias'], first.bias);
  near(parameters['3.weight'], second.weight);
  near(parameters['3.bias'], second.bias);
});
