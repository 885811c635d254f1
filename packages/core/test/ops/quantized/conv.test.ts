import '../../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as Q from '../../../src/quantized/index.js';
import { Generator } from '../../../src/random.js';
import { type ConvOptions, ConvPackedParams } from '../../../src/tensor/conv-packed-params.js';
import { QuantizedTensor } from '../../../src/tensor/quantized-tensor.js';
import { type Dims, sizeOf } from '../../../src/tensor/shape.js';
import { Tensor } from '../../../src/tensor/tensor.js';
import { expectSameBits, goldenCases, itGolden } from '../../golden.js';
import { staticInputs, staticOptions } from './golden-static.js';

itGolden('golden conv: every case has its bits, depthwise ones those of exact sums', () => {
  const cases = goldenCases('conv');
  let exactSums = 0;
  for (const each of cases) {
    const { x, weight, bias } = staticInputs(each);
    const axes = (name: string): number[] => each.params[name] as unknown as number[];
    const transposed = each.op.startsWith('conv_transpose');
    const packed = new ConvPackedParams(weight, bias, {
      stride: axes('stride'),
      padding: axes('padding'),
      dilation: axes('dilation'),
      groups: each.params.groups as number,
      ...(transposed && { transposed, outputPadding: axes('output_padding') }),
    });
    const y = (transposed ? Q.convTranspose : Q.conv)(x, packed, staticOptions(each));
    if (each.quirk !== undefined) exactSums++;
    expectSameBits(each.name, y.values, (each.quirk === undefined ? each.outputs.y : each.outputs.y_exact) as Tensor);
  }
  expect([cases.length, exactSums]).toEqual([157, 13]);
});

const generator = new Generator(11);
const integer = (low: number, high: number): number => low + Math.floor(generator.uniform() * (high - low + 1));

function codes(dims: Dims, dtype: 'uint8' | 'int8', low: number, high: number): Tensor {
  const values = Array.from({ length: sizeOf(dims) }, () => integer(low, high));
  return Tensor.from(values, { dtype, dims });
}

const one = (scale: number, zeroPoint: number, axis: null = null) => ({
  scales: Float32Array.of(scale),
  zeroPoints: Int32Array.of(zeroPoint),
  axis,
});
const quint8 = (values: Tensor, zeroPoint = 0): QuantizedTensor =>
  new QuantizedTensor('quint8', values, one(1, zeroPoint));
const qint8 = (values: Tensor, zeroPoint = 0): QuantizedTensor =>
  new QuantizedTensor('qint8', values, one(1, zeroPoint));

/** Real sums by their definition: every input under every tap adds to one output. Scales are 1. */
function sumsByScattering(x: QuantizedTensor, packed: ConvPackedParams, dims: Dims): number[] {
  const { groups, stride, padding, dilation, transposed, kernel, weight } = packed;
  const zero = weight.zeroPoints[0] as number;
  const sums = new Array<number>(sizeOf(dims)).fill(0);
  const [perIn, perOut] = [packed.inChannels / groups, packed.outChannels / groups];
  const at = (index: readonly number[], of: Dims): number => index.reduce((sum, i, axis) => sum * of[axis]! + i, 0);
  forEach(x.dims, (input) => {
    const [n, channel, ...where] = input as [number, number, ...number[]];
    const group = Math.floor(channel / perIn);
    const value = (x.values.raw.data[at(input, x.dims)] as number) - (x.zeroPoints[0] as number);
    forEach([perOut, ...kernel], ([j, ...tap]) => {
      const out = where.map((i, axis) => {
        const [s, d, p, t] = [stride[axis]!, dilation[axis]!, padding[axis]!, tap[axis]!];
        return transposed ? i * s + t * d - p : (i + p - t * d) / s;
      });
      if (!out.every((o, axis) => Number.isInteger(o) && o >= 0 && o < dims[axis + 2]!)) return;
      const channelOut = group * perOut + j!;
      const row = transposed ? [channel, j!] : [channelOut, channel % perIn];
      const w = (weight.values.raw.data[at([...row, ...tap], weight.dims)] as number) - zero;
      sums[at([n, channelOut, ...out], dims)]! += value * w;
    });
  });
  return sums;
}

function forEach(dims: Dims, visit: (index: number[]) => void): void {
  for (let i = 0; i < sizeOf(dims); i++) {
    let rest = i;
    visit(
      dims
        .toReversed()
        .map((dim) => {
          const at = rest % dim;
          rest = (rest - at) / dim;
          return at;
        })
        .toReversed(),
    );
  }
}

describe('quantized::conv', () => {
  const cases: [name: string, x: Dims, weight: Dims, options: ConvOptions][] = [
    ['one axis, stride and dilation', [2, 3, 11], [4, 3, 3], { stride: 2, dilation: 2, padding: 1 }],
    ['asymmetric padding', [1, 2, 6, 5], [3, 2, 3, 3], { stride: 2, padding: [0, 0, 1, 1] }],
    ['padding of one axis', [1, 2, 6, 5], [3, 2, 1, 3], { padding: [0, 2] }],
    ['padding wider than the kernel', [1, 1, 2, 2], [1, 1, 2, 2], { padding: [3, 2, 1, 4] }],
    ['groups', [2, 6, 5, 4], [4, 3, 3, 2], { groups: 2, padding: 1 }],
    ['depthwise', [1, 5, 6, 6], [5, 1, 3, 3], { groups: 5, padding: 1 }],
    ['depthwise with a multiplier', [1, 3, 4, 4], [6, 1, 3, 3], { groups: 3, dilation: [1, 2], padding: [1, 2] }],
    ['three axes', [1, 2, 4, 5, 3], [3, 2, 2, 3, 2], { stride: [1, 2, 1], padding: [1, 0, 1] }],
    ['transposed, one axis', [2, 3, 5], [3, 2, 4], { transposed: true, stride: 3, outputPadding: 2, padding: 1 }],
    ['transposed, groups', [1, 4, 3, 4], [4, 3, 3, 2], { transposed: true, groups: 2, stride: 2, dilation: [1, 2] }],
    ['transposed, asymmetric', [1, 2, 4, 4], [2, 2, 3, 3], { transposed: true, stride: 2, padding: [0, 1, 2, 0] }],
  ];

  it.each(cases)('%s: the sums of its definition', (_, dims, weightDims, options) => {
    const x = quint8(codes(dims, 'uint8', 0, 9), 4);
    const packed = new ConvPackedParams(qint8(codes(weightDims, 'int8', -4, 4), -1), null, options);
    const y = (packed.transposed ? Q.convTranspose : Q.conv)(x, packed, { scale: 8, zeroPoint: 128 });
    // Sums in steps of 8 are exact in float32, and half of a step goes to even.
    const expected = sumsByScattering(x, packed, y.dims).map((sum) => {
      const below = Math.floor(sum / 8);
      const rest = sum / 8 - below;
      return Math.max(0, Math.min(255, 128 + below + (rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? 1 : 0)));
    });
    expectSameBits('y', y.values, Tensor.from(expected, { dtype: 'uint8', dims: y.dims }));
  });

  it('pads with the zero point, so that padding is a real 0', () => {
    const x = quint8(Tensor.from([[[7, 9]]], { dtype: 'uint8' }), 5);
    const packed = new ConvPackedParams(qint8(Tensor.from([[[1, 1, 1]]], { dtype: 'int8' })), null, {
      padding: [2, 1],
    });
    expect(Q.conv(x, packed, { scale: 1, zeroPoint: 0 }).values.toArray()).toEqual([[[2, 6, 6]]]);
  });

  it('never saturates pairs of products, as PyTorch does in depthwise kernels', () => {
    const x = quint8(Tensor.from(new Array<number>(9).fill(255), { dtype: 'uint8', dims: [1, 1, 3, 3] }));
    const weight = Tensor.from(new Array<number>(9).fill(127), { dtype: 'int8', dims: [1, 1, 3, 3] });
    const y = Q.conv(x, new ConvPackedParams(qint8(weight)), { scale: 2295, zeroPoint: 0 });
    expect(y.values.toArray()).toEqual([[[[127]]]]);
  });

  it('has scales, zero points and biases by output channel, and an activation', () => {
    const weight = new QuantizedTensor('qint8', Tensor.from([[[1]], [[3]]], { dtype: 'int8' }), {
      scales: Float32Array.of(1, 2),
      zeroPoints: Int32Array.of(0, 1),
      axis: 0,
    });
    const packed = new ConvPackedParams(weight, Tensor.from([0.5, -12]));
    const x = quint8(Tensor.from([[[1, 2, 5]]], { dtype: 'uint8' }));
    // Real values: 1.5, 2.5, 5.5 and -8, -4, 8.
    const codesOf = (activation: 'none' | 'relu' | 'relu6') =>
      Q.conv(x, packed, { scale: 0.5, zeroPoint: 20, activation }).values.toArray();
    expect(codesOf('none')).toEqual([
      [
        [23, 25, 31],
        [4, 12, 36],
      ],
    ]);
    expect(codesOf('relu')).toEqual([
      [
        [23, 25, 31],
        [20, 20, 36],
      ],
    ]);
    expect(codesOf('relu6')).toEqual([
      [
        [23, 25, 31],
        [20, 20, 32],
      ],
    ]);
  });

  it('gives with an activation the codes of that op after it', () => {
    const x = quint8(codes([1, 2, 9, 9], 'uint8', 0, 255), 128);
    const packed = new ConvPackedParams(qint8(codes([3, 2, 3, 3], 'int8', -4, 4)), Tensor.from([3, 0.25, -9]));
    // The code of 6 is a tie here, 4 + 12.5.
    for (const scale of [0.48, 90]) {
      const options = { scale, zeroPoint: 4 };
      const plain = Q.conv(x, packed, options);
      expectSameBits('relu', Q.conv(x, packed, { ...options, activation: 'relu' }).values, Q.relu(plain).values);
      expectSameBits('relu6', Q.conv(x, packed, { ...options, activation: 'relu6' }).values, Q.relu6(plain).values);
    }
  });

  it('takes an empty batch', () => {
    const packed = new ConvPackedParams(qint8(codes([2, 1, 3], 'int8', -4, 4)));
    expect(Q.conv(quint8(Tensor.zeros([0, 1, 5], 'uint8')), packed, { scale: 1, zeroPoint: 0 }).dims).toEqual([
      0, 2, 3,
    ]);
  });

  it('says what does not fit', () => {
    const packed = new ConvPackedParams(qint8(codes([2, 3, 3, 3], 'int8', -4, 4)));
    const options = { scale: 1, zeroPoint: 0 };
    const zeros = (...dims: number[]): QuantizedTensor => quint8(Tensor.zeros(dims, 'uint8'));
    expect(() => Q.conv(zeros(3, 5, 5), packed, options)).toThrow(
      '[quantized::conv] expected x [batch, 3, height, width] for this weight, got [3, 5, 5]',
    );
    expect(() => Q.conv(zeros(1, 4, 5, 5), packed, options)).toThrow('got [1, 4, 5, 5]');
    expect(() => Q.conv(zeros(1, 3, 2, 5), packed, options)).toThrow('an input large enough for kernel [3, 3]');
    expect(() => Q.convTranspose(zeros(1, 3, 5, 5), packed, options)).toThrow(
      '[quantized::conv_transpose] packed must be transposed ConvPackedParams (quantized, packed weights), got plain ones',
    );
    expect(() => Q.conv(zeros(1, 3, 5, 5), Tensor.zeros([1]) as never, options)).toThrow(
      'packed must be ConvPackedParams',
    );
    expect(() => Q.conv(zeros(1, 3, 5, 5), packed, { scale: Number.NaN, zeroPoint: 0 })).toThrow(
      'scale must be positive',
    );
  });
});
