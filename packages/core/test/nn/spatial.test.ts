import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import * as nn from '../../src/nn/index.js';
import { type Recorder, withRecorder } from '../../src/ops/recorder.js';
import { manualSeed } from '../../src/random.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits, goldenCases, itGolden } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

describe('modules over images', () => {
  it('call the functional form of their name', () => {
    const volumes = [3, 4, 5].map((rank) => randomTensor([2, 4, 5, 6, 4].slice(0, rank), rank));
    const options = { stride: 2, padding: 1, groups: 2 };
    const window = { stride: 1, padding: 1, ceilMode: true };
    const mean = { ...window, countIncludePad: false };
    volumes.forEach((x, axis) => {
      const conv = new [nn.Conv1d, nn.Conv2d, nn.Conv3d][axis]!(4, 6, 3, options);
      const convolved = [F.conv1d, F.conv2d, F.conv3d][axis]!(x, conv.weight, conv.bias, options);
      expectSameBits('conv', conv.call(x), convolved);
      const more = { ...options, outputPadding: 1 };
      const transposed = [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d][axis]!;
      const module = new transposed(4, 2, 3, { ...more, bias: false });
      const functional = [F.convTranspose1d, F.convTranspose2d, F.convTranspose3d][axis]!;
      expectSameBits('transposed', module.call(x), functional(x, module.weight, null, more));
      const maxima = new [nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d][axis]!(2, window);
      expectSameBits('max', maxima.call(x), [F.maxPool1d, F.maxPool2d, F.maxPool3d][axis]!(x, 2, window));
      const means = new [nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d][axis]!(2, mean);
      expectSameBits('mean', means.call(x), [F.avgPool1d, F.avgPool2d, F.avgPool3d][axis]!(x, 2, mean));
      const parts = new [nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d][axis]!(2);
      const halves = [F.adaptiveAvgPool1d, F.adaptiveAvgPool2d, F.adaptiveAvgPool3d][axis]!(x, 2);
      expectSameBits('parts', parts.call(x), halves);
    });
    const x = volumes[1] as Tensor;
    expect(new nn.Identity().call(x)).toBe(x);
    expectSameBits('Flatten', new nn.Flatten().call(x), F.reshape(x, [2, 120]));
    expect(new nn.Flatten(1, 2).call(x).dims).toEqual([2, 20, 6]);
    expect(F.flatten(x).dims).toEqual([240]);
    expect(() => F.flatten(x, 2, 1)).toThrow('[flatten] startDim 2 comes after endDim 1');
  });

  it('a flatten to the end fits every size of a trace', () => {
    const reads: unknown[] = [];
    const recorder = { enter() {}, leave() {}, op() {}, read: (...what: unknown[]) => reads.push(what) };
    withRecorder(recorder as unknown as Recorder, () => new nn.Flatten().call(Tensor.zeros([2, 3, 4])));
    expect(reads).toEqual([]);
  });

  it.each([
    [new nn.Conv1d(4, 6, 3), 'Conv1d(4, 6, kernel_size=(3,), stride=(1,))'],
    [new nn.Conv2d(3, 8, 3, { padding: 1 }), 'Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))'],
    [
      new nn.Conv2d(4, 8, [3, 1], { stride: [2, 1], dilation: 2, groups: 4, bias: false }),
      'Conv2d(4, 8, kernel_size=(3, 1), stride=(2, 1), dilation=(2, 2), groups=4, bias=False)',
    ],
    [
      new nn.Conv2d(1, 1, 3, { padding: [0, 0, 1, 1] }),
      'Conv2d(1, 1, kernel_size=(3, 3), stride=(1, 1), padding=(0, 0, 1, 1))',
    ],
    [new nn.Conv3d(1, 2, 1), 'Conv3d(1, 2, kernel_size=(1, 1, 1), stride=(1, 1, 1))'],
    [new nn.ConvTranspose1d(2, 1, 2), 'ConvTranspose1d(2, 1, kernel_size=(2,), stride=(1,))'],
    [
      new nn.ConvTranspose2d(4, 2, 3, { stride: 2, padding: 1, outputPadding: 1 }),
      'ConvTranspose2d(4, 2, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), output_padding=(1, 1))',
    ],
    [new nn.ConvTranspose3d(1, 1, 1), 'ConvTranspose3d(1, 1, kernel_size=(1, 1, 1), stride=(1, 1, 1))'],
    [new nn.BatchNorm1d(8), 'BatchNorm1d(8, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)'],
    [
      new nn.BatchNorm2d(8, { eps: 1e-3, momentum: 0.01, affine: false }),
      'BatchNorm2d(8, eps=0.001, momentum=0.01, affine=False, track_running_stats=True)',
    ],
    [new nn.BatchNorm3d(8), 'BatchNorm3d(8, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)'],
    [new nn.MaxPool1d(2), 'MaxPool1d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)'],
    [
      new nn.MaxPool2d([3, 2], { stride: 2, padding: [1, 0], ceilMode: true }),
      'MaxPool2d(kernel_size=(3, 2), stride=2, padding=(1, 0), dilation=1, ceil_mode=True)',
    ],
    [new nn.MaxPool3d(2), 'MaxPool3d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)'],
    [new nn.AvgPool1d(2), 'AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))'],
    [new nn.AvgPool2d(2, { stride: 1 }), 'AvgPool2d(kernel_size=2, stride=1, padding=0)'],
    [new nn.AvgPool3d([2, 2, 1]), 'AvgPool3d(kernel_size=(2, 2, 1), stride=(2, 2, 1), padding=0)'],
    [new nn.AdaptiveAvgPool1d(5), 'AdaptiveAvgPool1d(output_size=5)'],
    [new nn.AdaptiveAvgPool2d([1, 1]), 'AdaptiveAvgPool2d(output_size=(1, 1))'],
    [new nn.AdaptiveAvgPool3d(1), 'AdaptiveAvgPool3d(output_size=1)'],
    [new nn.ZeroPad1d(1), 'ZeroPad1d((1, 1))'],
    [new nn.ZeroPad2d([0, 1, 2, 3]), 'ZeroPad2d((0, 1, 2, 3))'],
    [new nn.ZeroPad3d(1), 'ZeroPad3d((1, 1, 1, 1, 1, 1))'],
    [new nn.Upsample({ scaleFactor: 2 }), "Upsample(scale_factor=2.0, mode='nearest')"],
    [new nn.Upsample({ size: [4, 8], mode: 'bilinear' }), "Upsample(size=(4, 8), mode='bilinear')"],
    [new nn.Upsample({ scaleFactor: [2, 0.5] }), "Upsample(scale_factor=(2.0, 0.5), mode='nearest')"],
    [new nn.Flatten(), 'Flatten(start_dim=1, end_dim=-1)'],
    [new nn.Identity(), 'Identity()'],
  ])('%s prints as PyTorch prints it', (module, printed) => {
    expect(String(module)).toBe(printed);
  });

  it('start with weights in the bounds of PyTorch, or without drawing numbers', () => {
    manualSeed(3);
    const conv = new nn.Conv2d(8, 4, 2, { groups: 2 }); // fan in 4 * 4
    expect([conv.weight.dims, conv.bias!.dims]).toEqual([[4, 4, 2, 2], [4]]);
    const weights = [...(conv.weight.raw.data as Float32Array)];
    expect(weights.every((w) => Math.abs(w) <= 0.25) && weights.some((w) => Math.abs(w) > 0.2)).toBe(true);
    const transposed = new nn.ConvTranspose1d(8, 4, 8, { groups: 2 }); // fan in 2 * 8, by the weight's second dim
    expect(transposed.weight.dims).toEqual([8, 2, 8]);
    expect(Math.max(...(transposed.weight.raw.data as Float32Array))).toBeLessThanOrEqual(0.25);
    expect(nn.skipInit(() => new nn.Conv1d(2, 1, 1)).weight.toArray()).toEqual([[[0], [0]]]);
  });

  it('say what does not fit', () => {
    expect(() => new nn.Conv2d(4, 6, 3, { groups: 4 })).toThrow(
      '[Conv2d] groups must divide the 4 input and 6 output channels, got 4',
    );
    expect(() => new nn.Conv2d(4, 6, [3])).toThrow(
      '[Conv2d] kernel must be an integer of at least 1, or 2 of them, got [3]',
    );
    expect(() => new nn.ConvTranspose2d(4, 6, 3, { outputPadding: 1 })).toThrow('[ConvTranspose2d] outputPadding');
    expect(() => new nn.Conv1d(-1, 6, 3)).toThrow('[Conv1d] inChannels must be an integer of 0 or more, got -1');
  });
});

/** The network of the golden vectors; `magnitude` computes with absolute values in place of all weights and statistics. */
class SmallNet extends nn.Module<(x: Tensor) => Tensor> {
  readonly conv1 = new nn.Conv2d(3, 8, 3, { padding: 1, bias: false });
  readonly bn1 = new nn.BatchNorm2d(8);
  readonly conv2 = new nn.Conv2d(8, 8, 3, { padding: 1 });
  readonly bn2 = new nn.BatchNorm2d(8);
  readonly pool = new nn.MaxPool2d(2);
  readonly conv3 = new nn.Conv2d(8, 16, 3, { stride: 2, padding: 1, bias: false });
  readonly bn3 = new nn.BatchNorm2d(16);
  readonly gap = new nn.AdaptiveAvgPool2d(1);
  readonly fc = new nn.Linear(16, 10);

  forward(input: Tensor): Tensor {
    const x = F.relu(this.bn1.call(this.conv1.call(input)));
    const y = F.relu(F.add(x, this.bn2.call(this.conv2.call(x))));
    const z = this.gap.call(F.relu(this.bn3.call(this.conv3.call(this.pool.call(y)))));
    return this.fc.call(F.reshape(z, [0, -1]));
  }
}

itGolden('golden CNN: the float network gives what PyTorch gives', () => {
  const { inputs, outputs } = goldenCases('modules_end_to_end')[0]!;
  const states = Object.entries(inputs).filter(([role]) => role.startsWith('state.')) as [string, Tensor][];
  const state = Object.fromEntries(states.map(([role, tensor]) => [role.slice('state.'.length), tensor]));
  const net = nn.skipInit(() => new SmallNet());
  net.loadStateDict(state);
  const y = net.call(inputs.x as Tensor);

  // Both sides round each of at most K operations on the way from an input to an output by a relative 2^-24, so that
  // each is within K 2^-24 M of the exact result, where M is the same network over absolute values (Higham, "Accuracy
  // and Stability of Numerical Algorithms", 3.1). Here -mean becomes +|mean|; K = chains of 27, 72, 72, 64 and 16
  // products and at most 10 operations for each of three norms, a bias, a sum and a division.
  const absolute = (t: Tensor): Tensor<'float32'> =>
    new Tensor('float32', (t.raw.data as Float32Array).map(Math.abs), t.raw.dims);
  const magnitude = nn.skipInit(() => new SmallNet());
  for (const [name, tensor] of Object.entries(state)) {
    if (tensor.type !== 'float32') continue;
    state[name] = absolute(tensor);
    if (name.endsWith('running_mean')) state[name] = F.neg(absolute(tensor));
  }
  magnitude.loadStateDict(state);
  const bound = magnitude.call(absolute(inputs.x as Tensor)).raw.data as Float32Array;
  const operations = 27 + 72 + 72 + 64 + 16 + 3 * 10 + 3;
  const expected = (outputs.float_y as Tensor).raw.data;
  expect(y.dims).toEqual([3, 10]);
  const worst = Math.max(
    ...Array.from(bound, (m, i) => Math.abs(Number(y.raw.data[i]) - Number(expected[i])) / Number(m)),
  );
  expect(worst).toBeLessThan(2 * operations * 2 ** -24);
});
