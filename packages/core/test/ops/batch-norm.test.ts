import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import { foldBatchNorm } from '../../src/fold-batch-norm.js';
import * as F from '../../src/functional.js';
import * as nn from '../../src/nn/index.js';
import { fma } from '../../src/numerics/fma.js';
import { type Recorder, withRecorder } from '../../src/ops/recorder.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits, goldenCases, itGolden } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

const f = Math.fround;
const variances = Tensor.from([0.5, 2, 1e-3]);

describe('batch_norm', () => {
  it('is one FMA by alpha and beta of the channel', () => {
    const [x, mean, weight, bias] = [[2, 3, 4], [3], [3], [3]].map((dims, i) => randomTensor(dims, i)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const y = F.batchNorm(x, mean, variances, weight, bias, 1e-3);
    const at = (tensor: Tensor, i: number): number => tensor.raw.data[i] as number;
    for (let i = 0; i < 24; i++) {
      const c = Math.floor(i / 4) % 3;
      const alpha = f(at(weight, c) * f(1 / f(Math.sqrt(f(at(variances, c) + f(1e-3))))));
      expect(at(y, i)).toBe(fma(at(x, i), alpha, f(at(bias, c) - f(at(mean, c) * alpha))));
    }
    const plain = F.batchNorm(x, mean, variances, Tensor.from([1, 1, 1]), Tensor.zeros([3]));
    expectSameBits('no weight and bias', F.batchNorm(x, mean, variances), plain);
  });

  it('says what does not fit', () => {
    const two = Tensor.zeros([2]);
    expect(() => F.batchNorm(Tensor.zeros([4]), two, two)).toThrow('expected x [batch, channels, ...], got [4]');
    expect(() => F.batchNorm(Tensor.zeros([1, 3]), two, two)).toThrow('expected runningMean [3], got [2]');
    expect(() => F.batchNorm(Tensor.zeros([1, 2]), two, two, null, Tensor.zeros([3]))).toThrow(
      '[aten::batch_norm] expected bias [2], got [3]',
    );
  });
});

describe('BatchNorm modules', () => {
  it('normalise by running statistics in evaluation, and take ranks of their name', () => {
    const module = new nn.BatchNorm2d(3, { eps: 1e-3 });
    module.running_var = variances;
    const x = randomTensor([2, 3, 2, 2], 1);
    const expected = F.batchNorm(x, Tensor.zeros([3]), variances, module.weight, module.bias, 1e-3);
    expectSameBits('BatchNorm2d', module.call(x), expected);
    expect(() => module.call(Tensor.zeros([2, 3]))).toThrow('[BatchNorm2d] expected x of rank 4, got [2, 3]');
    expect(new nn.BatchNorm1d(3).call(Tensor.zeros([2, 3])).dims).toEqual([2, 3]);
    expect(new nn.BatchNorm1d(3).call(Tensor.zeros([2, 3, 4])).dims).toEqual([2, 3, 4]);
    expect(new nn.BatchNorm3d(3).call(Tensor.zeros([2, 3, 1, 1, 1])).dims).toEqual([2, 3, 1, 1, 1]);
  });

  it('in training normalise by the batch and move the running statistics', () => {
    const module = new nn.BatchNorm1d(2, { momentum: 0.5, affine: false, eps: 0 }).train();
    const y = module.call(Tensor.from([[1, 10], [3, 10], [5, 16]])); // biome-ignore format: one line
    // Means 3 and 12; variances 8/3 and 8, with n - 1 in the divisor 4 and 12; half of each joins 0 and 1.
    expect(module.running_mean.toArray()).toEqual([1.5, 6]);
    expect(module.running_var.toArray()).toEqual([2.5, 6.5]);
    expectSameBits('by the batch', y, F.batchNorm(
      Tensor.from([[1, 10], [3, 10], [5, 16]]), Tensor.from([3, 12]), Tensor.from([8 / 3, 8]), null, null, 0)); // biome-ignore format: one line
    expect(() => module.call(Tensor.zeros([1, 2]))).toThrow('more than one element a channel, got float32 [1, 2]');
    const recorder = { enter() {}, leave() {}, op() {}, read() {} } as unknown as Recorder;
    expect(() => withRecorder(recorder, () => module.call(Tensor.zeros([2, 2])))).toThrow('call model.eval() first');
  });

  it('load PyTorch state dicts, whose num_batches_tracked they do not keep', () => {
    const model = new nn.Sequential(new nn.BatchNorm2d(2));
    const state = model.stateDict();
    expect(Object.keys(state)).toEqual(['0.weight', '0.bias', '0.running_mean', '0.running_var']);
    expect([...model.namedParameters()].map(([name]) => name)).toEqual(['0.weight', '0.bias']);
    const count = Tensor.from([3], { dtype: 'int64', dims: [] });
    model.loadStateDict({ ...state, '0.running_mean': Tensor.from([1, 2]), '0.num_batches_tracked': count });
    expect((model.at(0) as nn.BatchNorm2d).running_mean.toArray()).toEqual([1, 2]);
    expect(() => model.loadStateDict({ ...state, num_batches_tracked: count })).toThrow(
      'unexpected: num_batches_tracked',
    );
  });
});

describe('foldBatchNorm', () => {
  const norm = { mean: Tensor.from([1, 2]), variance: Tensor.from([3, 0]), gamma: null, beta: null, eps: 1 };

  it('scales along the axis of output channels', () => {
    const folded = foldBatchNorm(Tensor.from([[2, 4], [6, 8]]), null, norm); // biome-ignore format: one line
    expect(folded.weight.toArray()).toEqual([[1, 2], [6, 8]]); // biome-ignore format: one line
    expect(folded.bias.toArray()).toEqual([-0.5, -2]);
    const transposed = foldBatchNorm(Tensor.from([[2, 4]]), Tensor.from([1, 2]), norm, { channelAxis: 1 });
    expect([transposed.weight.toArray(), transposed.bias.toArray()]).toEqual([[[1, 4]], [0, 0]]);
  });

  it('says what does not fit', () => {
    expect(() => foldBatchNorm(Tensor.zeros([3, 1]), null, norm)).toThrow(
      '[foldBatchNorm] expected mean float32 [3], got float32 [2]',
    );
  });

  itGolden('golden CNN: folded weights and biases have PyTorch’s bits', () => {
    const { inputs, outputs } = goldenCases('modules_end_to_end')[0]!;
    const state = (name: string): Tensor => inputs[`state.${name}`] as Tensor;
    for (const [n, fused] of [
      [1, 'conv1.0'],
      [2, 'conv2'],
      [3, 'conv3.0'],
    ] as const) {
      const parameters = {
        mean: state(`bn${n}.running_mean`),
        variance: state(`bn${n}.running_var`),
        gamma: state(`bn${n}.weight`),
        beta: state(`bn${n}.bias`),
        eps: 1e-5,
      };
      const bias = (inputs[`state.conv${n}.bias`] as Tensor | undefined) ?? null;
      const folded = foldBatchNorm(state(`conv${n}.weight`), bias, parameters);
      expectSameBits(`${fused}.weight`, folded.weight, outputs[`fused.${fused}.weight`] as Tensor);
      expectSameBits(`${fused}.bias`, folded.bias, outputs[`fused.${fused}.bias`] as Tensor);
    }
  });
});
