import { describe, expect, it } from 'vitest';
import { LinearPackedParams } from '../../src/tensor/linear-packed-params.js';
import { QuantizedTensor } from '../../src/tensor/quantized-tensor.js';
import { Tensor } from '../../src/tensor/tensor.js';

const codes = (dims: number[]): Tensor<'int8'> => Tensor.zeros(dims, 'int8');
const qparams = (count: number, zeroPoint = 0, axis: number | null = count === 1 ? null : 0) => ({
  scales: new Float32Array(count).fill(0.5),
  zeroPoints: new Int32Array(count).fill(zeroPoint),
  axis,
});

describe('QuantizedTensor', () => {
  it('shows one pair per tensor, or all per channel', () => {
    const q = new QuantizedTensor('qint8', codes([2, 3]), qparams(1, 4));
    expect([q.scale, q.zeroPoint, q.dims, QuantizedTensor.is(q), QuantizedTensor.is({})]).toEqual([
      0.5,
      4,
      [2, 3],
      true,
      false,
    ]);
    const channels = new QuantizedTensor('qint8', codes([2, 3]), qparams(3, 0, 1));
    expect([channels.scale, channels.axis]).toEqual([Float32Array.of(0.5, 0.5, 0.5), 1]);
  });

  it('refuses a wrong storage or number of pairs', () => {
    expect(() => new QuantizedTensor('quint8', codes([2]), qparams(1))).toThrow('quint8 is stored as uint8, got int8');
    expect(() => new QuantizedTensor('qint8', codes([2, 3]), qparams(2, 0, 1))).toThrow(
      'expected 3 scales and zero points, got 2 and 2',
    );
    expect(() => new QuantizedTensor('qint8', codes([2]), qparams(2, 0, 1))).toThrow('axis 1 is outside');
  });
});

describe('LinearPackedParams', () => {
  const weight = (count = 1) => new QuantizedTensor('qint8', codes([2, 3]), qparams(count));

  it('copies what it is given', () => {
    const q = weight(2);
    const bias = Tensor.from([1, 2]);
    const packed = new LinearPackedParams(q, bias);
    q.scales[0] = 9;
    (q.values.raw.data as Int8Array)[0] = 9;
    bias.raw.data[0] = 9;
    expect([packed.weight.scales[0], packed.weight.values.raw.data[0], packed.bias?.raw.data[0]]).toEqual([0.5, 0, 1]);
    expect([packed.outFeatures, packed.inFeatures, LinearPackedParams.is(packed), LinearPackedParams.is(q)]).toEqual([
      2,
      3,
      true,
      false,
    ]);
  });

  it('takes arrays over that are owned', () => {
    const q = weight(2);
    const bias = Tensor.from([1, 2]);
    const packed = new LinearPackedParams(q, bias, { owned: true });
    expect([packed.weight, packed.bias]).toEqual([q, bias]);
    expect(packed.weight.values.raw.data).toBe(q.values.raw.data);
  });

  it('refuses what kernels do not take', () => {
    expect(() => new LinearPackedParams(new QuantizedTensor('qint8', codes([6]), qparams(1)))).toThrow(
      'expected a qint8 weight [out, in]',
    );
    expect(() => new LinearPackedParams(new QuantizedTensor('qint8', codes([2, 3]), qparams(3, 0, 1)))).toThrow(
      'along axis 1',
    );
    expect(() => new LinearPackedParams(weight(), Tensor.from([1, 2, 3]))).toThrow(
      'expected a float32 bias [2], got float32 [3]',
    );
  });
});
