import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import { fma } from '../../src/numerics/fma.js';
import { ACTIVATIONS } from '../../src/ops/activation.js';
import { batchNormAffine } from '../../src/ops/batch-norm.js';
import { dispatch } from '../../src/ops/dispatch.js';
import { opByName } from '../../src/ops/op-table.js';
import { type Dims, sizeOf } from '../../src/tensor/shape.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

const f = Math.fround;

interface Geometry {
  stride: number[];
  padding: number[];
  dilation: number[];
  groups: number;
  outputPadding?: number[];
}

function indices(dims: Dims): number[][] {
  return dims.reduce<number[][]>(
    (all, dim) => all.flatMap((i) => Array.from(new Array(dim).keys(), (j) => [...i, j])),
    [[]],
  );
}

/** The element at an index, and 0 outside. */
function at({ raw }: Tensor, index: readonly number[]): number {
  if (index.some((i, axis) => i < 0 || i >= raw.dims[axis]!)) return 0;
  return raw.data[index.reduce((offset, i, axis) => offset * raw.dims[axis]! + i, 0)] as number;
}

/** The definition, one output after the other: positions of the kernel, then channels of the group, then the bias. */
function bruteForce(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  dims: Dims,
  g: Geometry,
  transposed = false,
): Tensor {
  const [first, second, ...kernel] = weight.raw.dims as [number, number, ...number[]];
  const perGroupOut = transposed ? second : first / g.groups;
  const perGroupIn = transposed ? first / g.groups : second;
  const y = indices(dims).map(([n, channel, ...o]) => {
    const group = Math.floor(channel! / perGroupOut);
    let sum = 0;
    for (const tap of indices(kernel)) {
      const where = o.map((position, axis) =>
        transposed
          ? (position + g.padding[axis]! - tap[axis]! * g.dilation[axis]!) / g.stride[axis]!
          : position * g.stride[axis]! + tap[axis]! * g.dilation[axis]! - g.padding[axis]!,
      );
      for (let c = 0; c < perGroupIn; c++) {
        const from = group * perGroupIn + c;
        const w = transposed ? at(weight, [from, channel! % perGroupOut, ...tap]) : at(weight, [channel!, c, ...tap]);
        sum = fma(where.every(Number.isInteger) ? at(x, [n!, from, ...where]) : 0, w, sum);
      }
    }
    return bias === null ? sum : f(sum + (bias.raw.data[channel!] as number));
  });
  return Tensor.from(y, { dims });
}

const CASES: [name: string, x: number[], weight: number[], y: number[], Geometry][] = [
  [
    'plain',
    [2, 3, 5, 6],
    [4, 3, 3, 2],
    [2, 4, 3, 5],
    { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1 },
  ],
  [
    'stride, padding',
    [1, 2, 7, 9],
    [3, 2, 3, 3],
    [1, 3, 4, 3],
    { stride: [2, 3], padding: [1, 0, 1, 0], dilation: [1, 1], groups: 1 },
  ],
  [
    'dilation',
    [1, 2, 8, 7],
    [2, 2, 3, 2],
    [1, 2, 6, 5],
    { stride: [1, 1], padding: [1, 0, 1, 1], dilation: [2, 3], groups: 1 },
  ],
  [
    'groups',
    [1, 6, 4, 4],
    [4, 3, 2, 2],
    [1, 4, 3, 3],
    { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 2 },
  ],
  [
    'depthwise, TensorFlow SAME',
    [2, 5, 6, 6],
    [5, 1, 3, 3],
    [2, 5, 3, 3],
    { stride: [2, 2], padding: [0, 0, 1, 1], dilation: [1, 1], groups: 5 },
  ],
  [
    'two outputs a channel',
    [1, 2, 3, 3],
    [4, 1, 2, 2],
    [1, 4, 2, 2],
    { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 2 },
  ],
  [
    'more positions than a tile',
    [1, 1, 9, 9],
    [1, 1, 1, 1],
    [1, 1, 9, 9],
    { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1 },
  ],
  ['one axis', [2, 3, 10], [2, 3, 4], [2, 2, 4], { stride: [2], padding: [0, 1], dilation: [1], groups: 1 }],
  [
    'three axes',
    [1, 2, 3, 4, 5],
    [2, 1, 2, 2, 3],
    [1, 2, 2, 3, 5],
    { stride: [1, 1, 1], padding: [0, 0, 1, 0, 0, 1], dilation: [1, 1, 1], groups: 2 },
  ],
];

describe('conv', () => {
  const convs = [F.conv1d, F.conv2d, F.conv3d];

  it.each(CASES)('%s: every output is its chain of FMAs, then the bias', (_, xDims, weightDims, dims, geometry) => {
    const [x, weight, bias] = [randomTensor(xDims, 1), randomTensor(weightDims, 2), randomTensor([weightDims[0]!], 3)];
    const conv = convs[xDims.length - 3]!;
    expectSameBits('bias', conv(x, weight, bias, geometry), bruteForce(x, weight, bias, dims, geometry));
    expectSameBits('no bias', conv(x, weight, null, geometry), bruteForce(x, weight, null, dims, geometry));
  });

  it('is a linear where the kernel covers one position', () => {
    const [x, weight, bias] = [randomTensor([3, 5, 1, 1], 1), randomTensor([4, 5, 1, 1], 2), randomTensor([4], 3)];
    const linear = F.linear(F.reshape(x, [3, 5]), F.reshape(weight, [4, 5]), bias);
    expectSameBits('1x1', F.reshape(F.conv2d(x, weight, bias), [3, 4]), linear);
  });

  it('applies the activation as the op of its name, relu6 with NaN and -0 passing', () => {
    const [x, weight, bias] = [randomTensor([1, 2, 4, 4], 1), randomTensor([3, 2, 2, 2], 2), randomTensor([3], 3)];
    const y = F.conv2d(x, weight, bias);
    expectSameBits('relu', F.conv2d(x, weight, bias, { activation: 'relu' }), F.relu(y));
    expectSameBits('gelu', F.conv2d(x, weight, null, { activation: 'gelu' }), F.gelu(F.conv2d(x, weight)));
    const values = Tensor.from([[[-1, -0, 0.5, 6, 7, Number.NaN, Infinity, -Infinity]]]);
    const six = F.conv1d(values, Tensor.from([[[1]]]), Tensor.from([-0]), { activation: 'relu6' });
    expect(six.toArray()).toEqual([[[0, 0, 0.5, 6, 6, Number.NaN, 6, 0]]]);
    const linear = F.linear(Tensor.from([[-1], [3], [9]]), Tensor.from([[1]]), null, { activation: 'relu6' });
    expect(linear.toArray()).toEqual([[0], [3], [6]]);
  });

  it('an infinite weight meets the padding: +0 times it is NaN', () => {
    const y = F.conv1d(Tensor.from([[[1, 2]]]), Tensor.from([[[1, Infinity]]]), null, { padding: [0, 1] });
    expect(y.toArray()).toEqual([[[Infinity, Number.NaN]]]);
  });

  it('an empty batch gives an empty result', () => {
    expect(F.conv2d(Tensor.zeros([0, 2, 4, 4]), Tensor.zeros([3, 2, 3, 3])).dims).toEqual([0, 3, 2, 2]);
  });

  it('says what does not fit', () => {
    const [x, weight] = [Tensor.zeros([1, 3, 5, 5]), Tensor.zeros([4, 3, 3, 3])];
    expect(() => F.conv2d(Tensor.zeros([3, 5, 5]), weight)).toThrow(
      '[aten::conv] expected x [batch, 3, height, width] for this weight, got [3, 5, 5]',
    );
    expect(() => F.conv2d(Tensor.zeros([1, 2, 5, 5]), weight)).toThrow('x [batch, 3, height, width]');
    expect(() => F.conv2d(Tensor.zeros([1, 3, 2, 5]), weight)).toThrow('an input large enough for kernel [3, 3]');
    expect(() => F.conv1d(x, weight)).toThrow(
      '[conv1d] expected a weight of rank 3 with kernel axes width, got [4, 3, 3, 3]',
    );
    expect(() => F.conv2d(x, weight, Tensor.zeros([3]))).toThrow('expected bias [4], got [3]');
    expect(() => F.conv2d(x, weight, null, { groups: 3 })).toThrow('groups must divide the 4 output channels, got 3');
    expect(() => F.conv2d(x, weight, null, { stride: 0 })).toThrow('[conv2d] stride must be an integer of at least 1');
    expect(() => F.conv2d(x, weight, null, { padding: [1, 1, 1] })).toThrow(
      'or 4 as [begin..., end...], got [1, 1, 1]',
    );
    expect(() => F.conv2d(Tensor.zeros([1, 3, 5, 5], 'int8'), weight)).toThrow('x must be float32, got int8');
    const attrs = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1, activation: 9 };
    expect(() => dispatch(opByName('aten::conv'), [x, weight, null], attrs)).toThrow(
      '[aten::conv] activation must be 0 (none), 1 (relu), 2 (gelu), 3 (relu6), 4 (geluTanh), got 9',
    );
  });
});

const TRANSPOSED: [name: string, x: number[], weight: number[], y: number[], Geometry][] = [
  [
    'plain',
    [2, 3, 4, 5],
    [3, 2, 3, 2],
    [2, 2, 6, 6],
    { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1 },
  ],
  [
    'stride, output padding',
    [1, 2, 3, 3],
    [2, 3, 3, 3],
    [1, 3, 6, 5],
    { stride: [2, 2], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 1, outputPadding: [1, 0] },
  ],
  [
    'groups, dilation, two paddings',
    [1, 4, 4, 3],
    [4, 1, 2, 2],
    [1, 2, 4, 4],
    { stride: [1, 1], padding: [0, 1, 2, 0], dilation: [2, 2], groups: 2 },
  ],
  ['one axis', [1, 2, 4], [2, 2, 3], [1, 2, 12], { stride: [3], padding: [0, 0], dilation: [1], groups: 1 }],
  [
    'three axes',
    [1, 1, 2, 2, 2],
    [1, 1, 2, 2, 2],
    [1, 1, 3, 3, 4],
    { stride: [1, 1, 2], padding: [0, 0, 0, 0, 0, 0], dilation: [1, 1, 1], groups: 1 },
  ],
];

describe('conv_transpose', () => {
  const convs = [F.convTranspose1d, F.convTranspose2d, F.convTranspose3d];

  it.each(TRANSPOSED)(
    '%s: every output is its chain of FMAs, then the bias',
    (_, xDims, weightDims, dims, geometry) => {
      const [x, weight, bias] = [randomTensor(xDims, 1), randomTensor(weightDims, 2), randomTensor([dims[1]!], 3)];
      const conv = convs[xDims.length - 3]!;
      expectSameBits('bias', conv(x, weight, bias, geometry), bruteForce(x, weight, bias, dims, geometry, true));
      expectSameBits('no bias', conv(x, weight, null, geometry), bruteForce(x, weight, null, dims, geometry, true));
    },
  );

  it('says what does not fit', () => {
    const [x, weight] = [Tensor.zeros([1, 3, 5, 5]), Tensor.zeros([3, 4, 3, 3])];
    expect(() => F.convTranspose2d(x, weight, null, { outputPadding: 1 })).toThrow(
      '[aten::conv_transpose] outputPadding must be smaller than stride or dilation',
    );
    expect(() => F.convTranspose2d(x, weight, null, { groups: 2 })).toThrow('groups must divide the 3 input channels');
    expect(() => F.convTranspose2d(x, Tensor.zeros([2, 4, 3, 3]))).toThrow('expected x [batch, 2, height, width]');
    expect(sizeOf(F.convTranspose2d(x, weight).dims)).toBe(4 * 7 * 7);
  });
});

describe('octavo::conv_affine', () => {
  it('has the bits of a convolution, a batch norm and a ReLU6 one by one', () => {
    const [x, weight, bias, gamma, beta, mean] = [[2, 4, 5, 5], [6, 2, 3, 3], [6], [6], [6], [6]].map((dims, i) =>
      randomTensor(dims, i),
    ) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
    const variance = Tensor.from([0.5, 2, 1e-3, 4, 1, 0.1]);
    const geometry = { stride: [2, 1], padding: [1, 0, 1, 0], dilation: [1, 1], groups: 2 };
    const convolved = dispatch(opByName('aten::conv'), [x, weight, bias], { ...geometry, activation: 0 })[0] as Tensor;
    const expected = F.relu6(F.batchNorm(convolved, mean, variance, gamma, beta, 1e-3));
    const affine = batchNormAffine({ gamma, beta, mean, variance, eps: 1e-3 }).map(
      (values) => new Tensor('float32', values, [6]),
    );
    const attrs = { ...geometry, activation: ACTIVATIONS.relu6.code };
    const [fused] = dispatch(opByName('octavo::conv_affine'), [x, weight, bias, ...affine], attrs);
    expectSameBits('conv_affine', fused as Tensor, expected);
  });
});
