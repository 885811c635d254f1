import { describe, expect, it } from 'vitest';
import { type ConvOptions, ConvPackedParams } from '../../src/tensor/conv-packed-params.js';
import { LinearPackedParams } from '../../src/tensor/linear-packed-params.js';
import { isPackedParams } from '../../src/tensor/packed-params.js';
import { QuantizedTensor } from '../../src/tensor/quantized-tensor.js';
import { Tensor } from '../../src/tensor/tensor.js';

function weight(dims: number[], axis: number | null = null): QuantizedTensor {
  const count = axis === null ? 1 : (dims[axis] as number);
  return new QuantizedTensor('qint8', Tensor.zeros(dims, 'int8'), {
    scales: new Float32Array(count).fill(0.5),
    zeroPoints: new Int32Array(count),
    axis,
  });
}

const make = (dims: number[], options?: ConvOptions) => new ConvPackedParams(weight(dims), null, options);

describe('ConvPackedParams', () => {
  it('holds one value for each axis, and padding by beginnings and ends', () => {
    const packed = make([6, 2, 3, 5], { stride: 2, padding: [1, 2], groups: 3 });
    expect(packed).toMatchObject({ rank: 2, kernel: [3, 5], inChannels: 6, outChannels: 6, groups: 3 });
    expect([packed.stride, packed.padding, packed.dilation, packed.outputPadding]).toEqual([
      [2, 2],
      [1, 2, 1, 2],
      [1, 1],
      [0, 0],
    ]);
    expect(make([1, 1, 3, 3], { padding: [0, 0, 1, 1] }).padding).toEqual([0, 0, 1, 1]);
    expect(make([4, 3, 3], { transposed: true, groups: 2 })).toMatchObject({ inChannels: 4, outChannels: 6 });
  });

  it('copies what it is given and is known by its brand', () => {
    const q = weight([2, 1, 3], 0);
    const bias = Tensor.from([1, 2]);
    const packed = new ConvPackedParams(q, bias);
    q.scales[0] = 9;
    (q.values.raw.data as Int8Array)[0] = 9;
    bias.raw.data[0] = 9;
    expect([packed.weight.scales[0], packed.weight.values.raw.data[0], packed.bias?.raw.data[0]]).toEqual([0.5, 0, 1]);
    const linear = new LinearPackedParams(weight([2, 3]));
    expect([packed, linear, q, null].map(isPackedParams)).toEqual([true, true, false, false]);
    expect([ConvPackedParams.is(linear), LinearPackedParams.is(packed)]).toEqual([false, false]);
  });

  it('refuses weights that no kernel takes', () => {
    expect(() => make([2, 3])).toThrow(
      '[ConvPackedParams] expected a qint8 weight [out, in / groups, ...kernel] with 1, 2 or 3 kernel axes and no dim of 0; ' +
        'got qint8 [2, 3] along axis null',
    );
    expect(() => make([2, 3, 0])).toThrow('got qint8 [2, 3, 0]');
    expect(() => make([2, 3], { transposed: true })).toThrow('[in, out / groups, ...kernel]');
    expect(() => new ConvPackedParams(weight([2, 3, 1], 1))).toThrow('per channel along axis 0; got qint8 [2, 3, 1]');
    expect(() => new ConvPackedParams(weight([2, 3, 1], 0), null, { transposed: true })).toThrow(
      'expected a transposed weight quantized per tensor or, of one group, along axis 1; got qint8 [2, 3, 1] along axis 0',
    );
    const [transposed, byChannel] = [{ transposed: true }, weight([2, 3, 1], 1)];
    expect(new ConvPackedParams(byChannel, null, transposed).weight.axis).toBe(1);
    expect(() => new ConvPackedParams(byChannel, null, { ...transposed, groups: 2 })).toThrow('of one group');
    expect(() => new ConvPackedParams(weight([2, 3, 1]), Tensor.zeros([3]))).toThrow(
      'expected a float32 bias [2], got float32 [3]',
    );
  });

  it('refuses a geometry that does not fit', () => {
    expect(() => make([4, 1, 3], { groups: 3 })).toThrow('groups must divide the 4 output channels, got 3');
    expect(() => make([4, 1, 3], { transposed: true, groups: 0 })).toThrow('divide the 4 input channels, got 0');
    expect(() => make([1, 1, 3, 3], { stride: 0 })).toThrow(
      'stride must be an integer of at least 1, or 2 of them, got 0',
    );
    expect(() => make([1, 1, 3, 3], { dilation: [1] })).toThrow(
      'dilation must be an integer of at least 1, or 2 of them, got [1]',
    );
    expect(() => make([1, 1, 3, 3], { padding: [1, 1, 1] })).toThrow('or 4 as [begin..., end...], got [1, 1, 1]');
    expect(() => make([1, 1, 3, 3], { padding: -1 })).toThrow('got -1');
    expect(() => make([1, 1, 3], { outputPadding: 1 })).toThrow('outputPadding belongs to transposed convolutions');
    expect(() => make([1, 1, 3], { transposed: true, stride: 2, outputPadding: 2 })).toThrow(
      'outputPadding must be smaller than stride or dilation, got [2] with stride [2] and dilation [1]',
    );
  });
});
