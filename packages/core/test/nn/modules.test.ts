import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import * as nn from '../../src/nn/index.js';
import { type Recorder, withRecorder } from '../../src/ops/recorder.js';
import { manualSeed } from '../../src/random.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

describe('modules', () => {
  it('call the functional form of their name', () => {
    const x = randomTensor([2, 4], 1);
    const linear = new nn.Linear(4, 3);
    expectSameBits('Linear', linear.call(x), F.linear(x, linear.weight, linear.bias));
    const norm = new nn.LayerNorm(4, { eps: 1e-12 });
    expectSameBits('LayerNorm', norm.call(x), F.layerNorm(x, 4, norm.weight, norm.bias, 1e-12));
    expectSameBits('no affine', new nn.LayerNorm([2, 4], { elementwiseAffine: false }).call(x), F.layerNorm(x, [2, 4]));
    expectSameBits('GELU', new nn.GELU().call(x), F.gelu(x));
    expectSameBits('Tanh', new nn.Tanh().call(x), F.tanh(x));
    expectSameBits('ReLU', new nn.ReLU().call(x), F.relu(x));
    expectSameBits('Sigmoid', new nn.Sigmoid().call(x), F.sigmoid(x));
    expectSameBits('Softmax', new nn.Softmax(0).call(x), F.softmax(x, 0));
    expectSameBits('LogSoftmax', new nn.LogSoftmax(0).call(x), F.logSoftmax(x, 0));
    expectSameBits('Hardtanh', new nn.Hardtanh(-0.5, 0.25).call(x), F.hardtanh(x, -0.5, 0.25));
    expectSameBits('ReLU6', new nn.ReLU6().call(x), F.relu6(x));
    expectSameBits('Hardswish', new nn.Hardswish().call(x), F.hardswish(x));
    expectSameBits('Hardsigmoid', new nn.Hardsigmoid().call(x), F.hardsigmoid(x));
    expectSameBits('SiLU', new nn.SiLU().call(x), F.silu(x));
    expectSameBits('ELU', new nn.ELU(2).call(x), F.elu(x, 2));
    expectSameBits('CELU', new nn.CELU(2).call(x), F.celu(x, 2));
    expectSameBits('LeakyReLU', new nn.LeakyReLU(0.3).call(x), F.leakyRelu(x, 0.3));
    const image = randomTensor([2, 4, 3, 3], 2);
    const group = new nn.GroupNorm(2, 4);
    group.weight = randomTensor([4], 3);
    expectSameBits('GroupNorm', group.call(image), F.groupNorm(image, 2, group.weight, group.bias));
    const instance = new nn.InstanceNorm2d(4, { affine: true, eps: 0.1 });
    instance.bias = randomTensor([4], 4);
    expectSameBits('InstanceNorm2d', instance.call(image), F.instanceNorm(image, instance.weight, instance.bias, 0.1));
    const embedding = new nn.Embedding(5, 2);
    const ids = Tensor.from([4, 0], { dtype: 'int64' });
    expectSameBits('Embedding', embedding.call(ids), F.embedding(ids, embedding.weight));
  });

  it('print as PyTorch prints them', () => {
    expect(String(new nn.Linear(8, 2))).toBe('Linear(in_features=8, out_features=2, bias=True)');
    expect(String(new nn.Linear(8, 2, { bias: false }))).toBe('Linear(in_features=8, out_features=2, bias=False)');
    expect(String(new nn.LayerNorm(384, { eps: 1e-12 }))).toBe('LayerNorm((384,), eps=1e-12, elementwise_affine=True)');
    expect(String(new nn.LayerNorm([3, 4]))).toBe('LayerNorm((3, 4), eps=1e-05, elementwise_affine=True)');
    expect(String(nn.skipInit(() => new nn.Embedding(11688, 384)))).toBe('Embedding(11688, 384)');
    expect(String(new nn.Embedding(5, 3, { paddingIdx: 0 }))).toBe('Embedding(5, 3, padding_idx=0)');
    expect(String(new nn.Dropout(0.1))).toBe('Dropout(p=0.1, inplace=False)');
    expect(String(new nn.GELU())).toBe("GELU(approximate='none')");
    expect([new nn.Tanh(), new nn.ReLU(), new nn.Sigmoid(), new nn.Softmax(-1)].map(String)).toEqual([
      'Tanh()',
      'ReLU()',
      'Sigmoid()',
      'Softmax(dim=-1)',
    ]);
    expect([new nn.ReLU6(), new nn.Hardswish(), new nn.Hardsigmoid(), new nn.SiLU()].map(String)).toEqual([
      'ReLU6()',
      'Hardswish()',
      'Hardsigmoid()',
      'SiLU()',
    ]);
    expect(
      [new nn.LogSoftmax(1), new nn.Hardtanh(), new nn.ELU(), new nn.CELU(0.5), new nn.LeakyReLU()].map(String),
    ).toEqual([
      'LogSoftmax(dim=1)',
      'Hardtanh(min_val=-1.0, max_val=1.0)',
      'ELU(alpha=1.0)',
      'CELU(alpha=0.5)',
      'LeakyReLU(negative_slope=0.01)',
    ]);
    expect(String(new nn.GroupNorm(2, 4))).toBe('GroupNorm(2, 4, eps=1e-05, affine=True)');
    expect(String(new nn.InstanceNorm2d(4))).toBe(
      'InstanceNorm2d(4, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False)',
    );
  });

  it('start with the same weights from the same seed, within the bounds of PyTorch', () => {
    manualSeed(3);
    const first = new nn.Linear(16, 8);
    manualSeed(3);
    const second = new nn.Linear(16, 8);
    expectSameBits('weight', first.weight, second.weight);
    const weight = [...(first.weight.raw.data as Float32Array)];
    expect(weight.every((w) => Math.abs(w) <= 0.25) && weight.some((w) => Math.abs(w) > 0.2)).toBe(true);
    expect(new nn.Linear(16, 8).weight.raw.data).not.toEqual(second.weight.raw.data);
    const padded = new nn.Embedding(3, 2, { paddingIdx: 1 }).weight.toArray() as number[][];
    expect([padded[1], padded[0]![0] !== 0]).toEqual([[0, 0], true]);
    expect(new nn.LayerNorm(2).weight?.toArray()).toEqual([1, 1]);
  });

  it('skipInit builds without drawing numbers', () => {
    const model = nn.skipInit(() => new nn.Sequential(new nn.Linear(2, 2), new nn.Embedding(2, 2)));
    expect(
      [...model.namedParameters()].every(([, { raw }]) => [...(raw.data as Float32Array)].every((x) => x === 0)),
    ).toBe(true);
    expect(new nn.Embedding(2, 2).weight.raw.data.some((x) => x !== 0)).toBe(true);
  });

  it('refuse sizes that are none', () => {
    expect(() => new nn.Linear(-1, 2)).toThrow('[Linear] inFeatures must be an integer of 0 or more, got -1');
    expect(() => new nn.Embedding(1.5, 2)).toThrow('[Embedding] numEmbeddings');
    expect(() => new nn.Embedding(3, 2, { paddingIdx: 3 })).toThrow('paddingIdx must be an id from 0 to 2, got 3');
    expect(() => new nn.GroupNorm(3, 4)).toThrow('numChannels must be a multiple of numGroups, got 4 and 3');
    expect(() => new nn.Hardtanh(1, 1)).toThrow('[Hardtanh] minVal must lie below maxVal, got 1 and 1');
    expect(() => new nn.InstanceNorm1d(-1)).toThrow('[InstanceNorm1d] numFeatures must be an integer');
    expect(() => new nn.Dropout(1.5)).toThrow('p must be between 0 and 1, got 1.5');
  });
});

describe('instance normalisation', () => {
  it('takes one item without a batch, and no other rank or width', () => {
    const norm = new nn.InstanceNorm1d(3);
    const x = randomTensor([1, 3, 8], 5);
    expectSameBits('item', norm.call(F.select(x, 0, 0)), F.select(norm.call(x), 0, 0));
    expect(new nn.InstanceNorm3d(1).call(Tensor.zeros([1, 1, 1, 1, 2])).raw.dims).toEqual([1, 1, 1, 1, 2]);
    expect(() => norm.call(Tensor.zeros([2, 4, 8]))).toThrow(
      '[InstanceNorm1d] expected x [batch, 3, width] or one item of it, got [2, 4, 8]',
    );
    expect(() => new nn.InstanceNorm2d(3).call(Tensor.zeros([3, 8]))).toThrow('[batch, 3, height, width]');
  });
});

describe('Dropout', () => {
  const x = Tensor.from(new Array<number>(1000).fill(1));

  it('is the identity in evaluation mode', () => {
    expect(new nn.Dropout(0.5).call(x)).toBe(x);
  });

  it('drops and scales in training, and cannot be traced there', () => {
    const dropout = new nn.Dropout(0.25).train();
    const y = [...(dropout.call(x).raw.data as Float32Array)];
    const zeros = y.filter((value) => value === 0).length;
    expect(zeros > 180 && zeros < 320).toBe(true);
    expect(y.every((value) => value === 0 || value === Math.fround(1 / 0.75))).toBe(true);
    const recorder: Recorder = { op() {}, enter() {}, leave() {}, read() {} };
    expect(() => withRecorder(recorder, () => dropout.call(x))).toThrow('call model.eval() first');
  });
});

describe('containers', () => {
  it('Sequential runs its children in order and is iterable', () => {
    const model = new nn.Sequential(new nn.Linear(4, 3), new nn.ReLU(), new nn.Linear(3, 2));
    const x = randomTensor([5, 4], 2);
    const [first, second, third] = [...model] as [nn.Linear, nn.ReLU, nn.Linear];
    expectSameBits('forward', model.call(x), third.call(second.call(first.call(x))));
    expect([model.length, model.at(-1) === third, Object.keys(model.stateDict())]).toEqual([
      3,
      true,
      ['0.weight', '0.bias', '2.weight', '2.bias'],
    ]);
    expect(String(model)).toBe(
      'Sequential(\n  (0): Linear(in_features=4, out_features=3, bias=True)\n  (1): ReLU()\n  (2): Linear(in_features=3, out_features=2, bias=True)\n)',
    );
  });

  it('keep their order beyond nine children', () => {
    const list = new nn.ModuleList(Array.from({ length: 12 }, (_, i) => new nn.Linear(1, i + 1)));
    expect([...list].map((child) => (child as nn.Linear).outFeatures)).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
    expect([...list.namedChildren()].at(-1)?.[0]).toBe('11');
  });

  it('ModuleList has no forward, and prints equal neighbours once', () => {
    const list = new nn.ModuleList([new nn.ReLU(), new nn.ReLU()]).push(new nn.Tanh());
    expect(() => list.call()).toThrow('[ModuleList] a list has no forward; call its children');
    expect(String(list)).toBe('ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)');
    expect([list.length, list.at(2) instanceof nn.Tanh]).toEqual([3, true]);
  });
});
