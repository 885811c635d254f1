import { F, manualSeed, nn, Tensor } from '@octavo/core';
import { type FakeQuantize, getDefaultQatQConfig, getDefaultQConfig } from '@octavo/observers';
import { describe, expect, test } from 'vitest';
import { observationOf } from '../../src/convert/observation.js';
import {
  convert,
  coverage,
  DeQuantStub,
  type FakeQuantized,
  fuseModules,
  type Gradients,
  prepareQat,
  QuantStub,
  QuantWrapper,
} from '../../src/index.js';
import { noise } from '../support/models.js';

type Trained = FakeQuantized<nn.Linear>;

/** One layer, with what is fused to it, as `prepareQat` makes it. */
function trained(...modules: nn.Module[]): Trained {
  const model = fuseModules(new nn.Sequential(...modules).train() as nn.Sequential);
  return prepareQat(new QuantWrapper(model).train() as QuantWrapper<nn.Sequential>).module.at(0) as Trained;
}

/** Rounding switched off everywhere: what is left is smooth, so that differences can check gradients. */
function smooth(module: Trained): Trained {
  module.weightFakeQuant.fakeQuantEnabled = false;
  const observer = observationOf(module)?.observer as FakeQuantize;
  observer.fakeQuantEnabled = false;
  return module;
}

/** sum(y weights): a loss whose gradient is the weights. */
function loss(y: Tensor, weights: Tensor): number {
  const values = weights.data as Float32Array;
  return (y.data as Float32Array).reduce((sum, value, i) => sum + value * (values[i] as number), 0);
}

/** The derivative of `evaluate` by every value of a tensor, by central differences. */
function differences(x: Tensor, put: (changed: Tensor) => void, evaluate: () => number): number[] {
  const values = x.data as Float32Array;
  const h = 2 ** -7;
  const at = (i: number, step: number): number => {
    const changed = values.slice();
    changed[i] = (changed[i] as number) + step;
    put(new Tensor('float32', changed, x.dims));
    return evaluate();
  };
  const slopes = Array.from(values, (_, i) => (at(i, h) - at(i, -h)) / (2 * h));
  put(x);
  return slopes;
}

function expectNear(actual: Tensor | null, expected: readonly number[]): void {
  expect(actual?.data.length).toBe(expected.length);
  const size = Math.max(1, ...expected.map(Math.abs));
  expected.forEach((slope, i) => {
    expect(Math.abs((actual?.data[i] as number) - slope) / size).toBeLessThan(4e-3);
  });
}

describe('backward', () => {
  const cases: [string, nn.Module[], readonly number[]][] = [
    ['a linear', [new nn.Linear(4, 3)], [2, 3, 4]],
    ['a linear without bias', [new nn.Linear(4, 3, { bias: false })], [5, 4]],
    ['a 1-d convolution', [new nn.Conv1d(2, 3, 3, { stride: 2, padding: 1 })], [2, 2, 6]],
    [
      'groups, dilation and padding on one side',
      [new nn.Conv2d(4, 4, 2, { groups: 2, dilation: 2, stride: 2, padding: [0, 1, 1, 0] })],
      [2, 4, 6, 5],
    ],
    ['a 3-d convolution', [new nn.Conv3d(1, 2, 2)], [1, 1, 3, 3, 2]],
  ];
  test.each(cases)('of %s is the slope of its output', (_name, modules, dims) => {
    manualSeed(3);
    const module = smooth(trained(...modules));
    const x = noise(dims, 8);
    const weights = noise(module.call(x).dims, 9);
    let input: Tensor = x;
    const evaluate = () => loss(module.call(input), weights);
    module.call(x);
    const gradients = module.backward(weights);
    expectNear(
      gradients.input,
      differences(x, (changed) => (input = changed), evaluate),
    );
    expectNear(
      gradients.weight,
      differences(module.weight, (changed) => (module.weight = changed), evaluate),
    );
    if (module.bias === null) expect(gradients.bias).toBeNull();
    else
      expectNear(
        gradients.bias,
        differences(module.bias, (changed) => (module.bias = changed), evaluate),
      );
  });

  test('of a convolution with its batch norm goes through the statistics of the batch', () => {
    manualSeed(4);
    const module = smooth(trained(new nn.Conv2d(2, 3, 2), new nn.BatchNorm2d(3)));
    const bn = module.bn as nn.BatchNorm;
    bn.weight = Tensor.from([0.5, 1.5, 2]);
    const x = noise([3, 2, 4, 4], 8);
    const { running_mean, running_var } = bn;
    // Running statistics move with every forward, and with them the factors; they are put back.
    const run = (input: Tensor): Tensor => {
      Object.assign(bn, { running_mean, running_var });
      return module.call(input);
    };
    const weights = noise(run(x).dims, 9);
    let input: Tensor = x;
    const evaluate = () => loss(run(input), weights);
    run(x);
    const gradients = module.backward(weights);
    expectNear(
      gradients.input,
      differences(x, (changed) => (input = changed), evaluate),
    );
    expectNear(
      gradients.weight,
      differences(module.weight, (changed) => (module.weight = changed), evaluate),
    );
    expectNear(
      gradients.batchNorm?.bias ?? null,
      differences(bn.bias as Tensor, (t) => (bn.bias = t), evaluate),
    );
  });

  test('clamped values get no gradient: below a relu, above a relu6, outside the codes', () => {
    const module = smooth(trained(new nn.Linear(1, 3), new nn.ReLU6()));
    module.weight = Tensor.from([[1], [1], [1]]);
    module.bias = Tensor.from([-5, 0, 5]);
    module.call(Tensor.from([[2]]));
    expect(Array.from(module.backward(Tensor.from([[1, 1, 1]])).bias?.data ?? [])).toEqual([0, 1, 0]);

    const rounding = trained(new nn.Linear(2, 1, { bias: false }));
    rounding.weight = Tensor.from([[1, 0.5]]);
    rounding.call(Tensor.from([[1, 1]]));
    rounding.weightFakeQuant.observerEnabled = false;
    rounding.weight = Tensor.from([[3, 0.5]]);
    rounding.call(Tensor.from([[1, 1]]));
    expect(Array.from(rounding.backward(Tensor.from([[1]])).weight.data)).toEqual([0, 1]);
  });

  test('it needs a forward in training mode, and a gradient of the output’s dims', () => {
    const module = trained(new nn.Linear(2, 2));
    expect(() => module.backward(Tensor.zeros([1, 2]))).toThrow('a forward in training mode');
    module.call(noise([1, 2]));
    expect(() => module.backward(Tensor.zeros([2, 2]))).toThrow('gradient [1, 2]');
    module.eval().call(noise([1, 2]));
    expect(() => module.backward(Tensor.zeros([1, 2]))).toThrow('a forward in training mode');
  });
});

/** Two linears that learn y = |x0| - x1, trained by the caller's own loop. */
class Net extends nn.Module<(x: Tensor) => Tensor> {
  quant: nn.Module = new QuantStub();
  fc1: nn.Module = new nn.Linear(2, 8);
  relu: nn.Module = new nn.ReLU();
  fc2: nn.Module = new nn.Linear(8, 1);
  dequant: nn.Module = new DeQuantStub();
  forward(x: Tensor): Tensor {
    return this.dequant.call(this.fc2.call(this.relu.call(this.fc1.call(this.quant.call(x)))));
  }
}

function step(module: Trained, { weight, bias }: Gradients, rate: number): void {
  module.weight = F.sub(module.weight, F.mul(weight, rate));
  if (bias !== null) module.bias = F.sub(module.bias as Tensor, F.mul(bias, rate));
}

describe('training with quantization errors', () => {
  test('SGD lowers the loss, and the converted model gives what the fake-quantized one gave', () => {
    manualSeed(7);
    // 8 bits: with 7, PyTorch's fake quantization clamps at 127 what the int8 model's codes can still hold.
    const qconfig = getDefaultQatQConfig('onednn');
    const net = prepareQat(fuseModules(new Net().train() as Net, ['fc1', 'relu']), { qconfig });
    const x = noise([64, 2], 3);
    const target = F.sub(F.add(F.relu(F.slice(x, 1, 0, 1)), F.relu(F.neg(F.slice(x, 1, 0, 1)))), F.slice(x, 1, 1, 2));
    const [fc1, fc2] = [net.fc1 as Trained, net.fc2 as Trained];
    const error = (): Tensor => F.sub(net.call(x), target);
    const squares = (e: Tensor): number => loss(e, e) / 64;
    const before = squares(error());
    for (let i = 0; i < 400; i++) {
      const gradient = F.mul(error(), 2 / 64);
      const second = fc2.backward(gradient);
      const first = fc1.backward(second.input);
      step(fc2, second, 0.1);
      step(fc1, first, 0.1);
    }
    expect(squares(error())).toBeLessThan(before / 5);

    net.eval();
    const trainedOutput = net.call(x).data as Float32Array;
    const int8 = convert(net);
    expect(String(int8.fc1)).toContain('QuantizedLinearReLU(');
    expect(coverage(int8).rows.every(({ precision }) => precision === 'int8')).toBe(true);
    const { scale } = int8.fc2 as unknown as { scale: number };
    const steps = (int8.call(x).data as Float32Array).map((y, i) => Math.abs(y - (trainedOutput[i] as number)) / scale);
    // At most one code, and that only at ties of float sums.
    expect(Math.max(...steps)).toBeLessThan(1.01);
    expect(steps.filter((difference) => difference > 0.01).length).toBeLessThanOrEqual(2);
  });

  test('a convolution keeps its batch norm in training, and conversion folds it in', () => {
    manualSeed(8);
    const body = new nn.Sequential(new nn.Conv2d(3, 4, 3, { padding: 1 }), new nn.BatchNorm2d(4), new nn.ReLU6());
    const net = prepareQat(fuseModules(new QuantWrapper(body).train() as QuantWrapper<nn.Sequential>));
    const module = net.module.at(0) as Trained;
    expect(module.typeName).toBe('FakeQuantizedConvBn2dReLU6');
    const x = noise([4, 3, 6, 6], 2);
    const before = module.bn?.running_mean;
    for (let i = 0; i < 30; i++) net.call(x);
    expect(module.bn?.running_mean).not.toBe(before);
    net.eval();
    const y = net.call(x).data as Float32Array;
    const int8 = convert(net);
    const conv = int8.module.at(0) as unknown as { scale: number; typeName: string };
    expect(conv.typeName).toBe('QuantizedConv2dReLU6');
    const steps = (int8.call(x).data as Float32Array).map(
      (value, i) => Math.abs(value - (y[i] as number)) / conv.scale,
    );
    expect(Math.max(...steps)).toBeLessThan(1.01);
    expect(steps.filter((difference) => difference > 0.01).length / steps.length).toBeLessThan(0.01);
  });

  test('parameters that are trained have their names in the state dict', () => {
    const net = prepareQat(fuseModules(new Net().train() as Net, ['fc1', 'relu']));
    expect(Object.keys(net.stateDict())).toEqual(['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']);
  });

  test('evaluation mode and qconfigs without fake quantization are refused', () => {
    expect(() => prepareQat(new Net())).toThrow(/is in evaluation mode; call model.train\(\)/);
    expect(() => prepareQat(new Net().train() as Net, { qconfig: getDefaultQConfig('fbgemm') })).toThrow(
      'does not fake-quantize',
    );
    const kept = prepareQat(new Net().train() as Net, { qconfig: { '': getDefaultQatQConfig('fbgemm'), fc2: null } });
    expect([kept.fc1.typeName, kept.fc2.typeName]).toEqual(['FakeQuantizedLinear', 'Linear']);
  });
});
