import { F, nn, type Tensor } from '@octavo/core';
import { describe, expect, test } from 'vitest';
import { type Fused, fuseModules, print } from '../../src/index.js';
import { noise, shortcutNet } from '../support/models.js';

/** Modules as a chain in a Sequential, with batch norms that do something. */
function chain(...modules: nn.Module[]): nn.Sequential {
  for (const module of modules) {
    if (!('running_mean' in module)) continue;
    const bn = module as nn.BatchNorm2d;
    bn.running_mean = F.mul(noise([bn.numFeatures], 11), 0.3);
    bn.running_var = F.add(F.mul(noise([bn.numFeatures], 12), 0.1), 1);
    bn.weight = F.add(F.mul(noise([bn.numFeatures], 13), 0.2), 1);
    bn.bias = noise([bn.numFeatures], 14);
  }
  return new nn.Sequential(...modules);
}

function largestDifference(a: Tensor, b: Tensor): number {
  return Math.max(...Array.from(F.sub(a, b).data as Float32Array, Math.abs));
}

describe('fuseModules', () => {
  const cases: [string, nn.Sequential, readonly number[], string][] = [
    ['conv-bn', chain(new nn.Conv2d(2, 3, 3), new nn.BatchNorm2d(3)), [2, 2, 5, 5], 'Conv2d'],
    ['conv-bn-relu', chain(new nn.Conv1d(2, 3, 3), new nn.BatchNorm1d(3), new nn.ReLU()), [2, 2, 5], 'ConvReLU1d'],
    [
      'conv-bn-relu6',
      chain(new nn.Conv2d(2, 3, 1), new nn.BatchNorm2d(3), new nn.ReLU6()),
      [2, 2, 4, 4],
      'Conv2dReLU6',
    ],
    ['conv-relu', chain(new nn.Conv3d(2, 3, 1), new nn.ReLU()), [1, 2, 2, 2, 2], 'ConvReLU3d'],
    ['conv-relu6', chain(new nn.Conv1d(2, 3, 1), new nn.ReLU6()), [1, 2, 4], 'Conv1dReLU6'],
    ['linear-bn', chain(new nn.Linear(4, 3), new nn.BatchNorm1d(3)), [2, 4], 'Linear'],
    ['linear-relu', chain(new nn.Linear(4, 3), new nn.ReLU()), [2, 4], 'LinearReLU'],
    ['linear-relu6', chain(new nn.Linear(4, 3), new nn.ReLU6()), [2, 4], 'LinearReLU6'],
    ['linear-bn-relu', chain(new nn.Linear(4, 3), new nn.BatchNorm1d(3), new nn.ReLU()), [2, 4], 'LinearReLU'],
    ['bn-relu', chain(new nn.BatchNorm2d(3), new nn.ReLU()), [1, 3, 2, 2], 'BNReLU2d'],
    [
      'convTranspose-bn',
      chain(new nn.ConvTranspose2d(2, 3, 2), new nn.BatchNorm2d(3)),
      [1, 2, 3, 3],
      'ConvTranspose2d',
    ],
  ];
  test.each(cases)('%s becomes one module with the same function', (_name, model, dims, type) => {
    const fused = fuseModules(model);
    expect(fused.at(0)?.typeName).toBe(type);
    for (const module of [...fused].slice(1)) expect(module).toBeInstanceOf(nn.Identity);
    const x = noise(dims, 3);
    expect(largestDifference(model.call(x), fused.call(x))).toBeLessThan(2e-6);
  });

  test('by names, of modules anywhere; the model that was given stays as it was', () => {
    const net = shortcutNet();
    const before = print(net);
    const fused = fuseModules(net, [
      ['conv1', 'bn1', 'relu1'],
      ['conv2', 'bn2'],
    ]);
    expect(print(net)).toBe(before);
    expect(fused.conv1.typeName).toBe('Conv2dReLU6');
    expect(fused.conv2.typeName).toBe('Conv2d');
    expect([fused.bn1, fused.relu1, fused.bn2].map(({ typeName }) => typeName)).toEqual(Array(3).fill('Identity'));
    const x = noise([2, 3, 7, 7]);
    expect(largestDifference(net.call(x), fused.call(x))).toBeLessThan(2e-6);
    expect(fuseModules(net, ['conv1', 'bn1'], { inplace: true })).toBe(net);
    expect(net.bn1).toBeInstanceOf(nn.Identity);
  });

  test('by running order, where the output of one goes to the next and nowhere else', () => {
    const fused = fuseModules(shortcutNet(), { inputs: [noise([1, 3, 6, 6])] });
    expect(fused.conv1.typeName).toBe('Conv2dReLU6');
    expect(fused.bn2).toBeInstanceOf(nn.Identity);

    class Residual extends nn.Module<(x: Tensor) => Tensor> {
      conv: nn.Module = new nn.Conv2d(2, 2, 1);
      relu: nn.Module = new nn.ReLU();
      forward(x: Tensor): Tensor {
        const y = this.conv.call(x);
        return F.add(y, this.relu.call(y));
      }
    }
    expect(fuseModules(new Residual(), { inputs: [noise([1, 2, 3, 3])] }).conv.typeName).toBe('Conv2d');

    class OneReluTwice extends nn.Module<(x: Tensor) => Tensor> {
      a: nn.Module = new nn.Linear(2, 2);
      b: nn.Module = new nn.Linear(2, 2);
      relu: nn.Module = new nn.ReLU();
      forward(x: Tensor): Tensor {
        return this.relu.call(this.b.call(this.relu.call(this.a.call(x))));
      }
    }
    const twice = fuseModules(new OneReluTwice(), { inputs: [noise([1, 2])] });
    expect([twice.a.typeName, twice.b.typeName]).toEqual(['Linear', 'Linear']);
  });

  test('in training mode the batch norm is kept', () => {
    const model = chain(new nn.Conv2d(2, 3, 3), new nn.BatchNorm2d(3), new nn.ReLU()).train() as nn.Sequential;
    const fused = fuseModules(model).at(0) as Fused;
    expect(fused.typeName).toBe('ConvBnReLU2d');
    expect(fused.batchNorm).toBeInstanceOf(nn.BatchNorm2d);
  });

  test('hooks go to both ends of the fused module', () => {
    const model = chain(new nn.Linear(2, 2), new nn.ReLU());
    const seen: string[] = [];
    model.at(0)?.registerForwardPreHook(() => void seen.push('before'));
    model.at(1)?.registerForwardHook(() => void seen.push('after'));
    fuseModules(model).call(noise([1, 2]));
    expect(seen).toEqual(['before', 'after']);
  });

  test('errors name the modules and what fuses', () => {
    const net = shortcutNet();
    expect(() => fuseModules(net, ['relu1', 'conv2'])).toThrow(
      /relu1, conv2 \(ReLU6, Conv2d\) is no sequence that fuses; known.*conv-bn-relu, /,
    );
    expect(() => fuseModules(net, ['conv1', 'bn'])).toThrow("no module 'bn'");
    expect(() => fuseModules(net, ['conv1', 'conv1'])).toThrow("'conv1' is named twice");
    const ranks = chain(new nn.Conv1d(2, 3, 3), new nn.BatchNorm2d(3));
    expect(() => fuseModules(ranks, ['0', '1'])).toThrow('no sequence that fuses');
    net.bn1.train();
    expect(() => fuseModules(net, ['conv1', 'bn1'])).toThrow('one mode');
    const grouped = chain(new nn.ConvTranspose2d(4, 4, 2, { groups: 2 }), new nn.BatchNorm2d(4));
    expect(() => fuseModules(grouped)).toThrow('without groups');
  });
});
