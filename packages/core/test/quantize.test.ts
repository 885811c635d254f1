import './reference-only.js';
import { describe, expect, it } from 'vitest';
import { inverseScale, quantizeWithFloatZeroPoint } from '../src/numerics/quantize.js';
import {
  dequantize,
  fakeQuantizePerChannel,
  fakeQuantizePerTensor,
  quantizePerChannel,
  quantizePerTensor,
} from '../src/quantize.js';
import type { QuantizedDType } from '../src/tensor/dtype.js';
import { QuantizedTensor } from '../src/tensor/quantized-tensor.js';
import { sizeOf } from '../src/tensor/shape.js';
import { Tensor } from '../src/tensor/tensor.js';
import { expectSameBits, type GoldenCase, goldenCases, itGolden } from './golden.js';

describe('tensor quantization', () => {
  it('per tensor and back', () => {
    const q = quantizePerTensor(Tensor.from([-1, 0, 0.5, 100]), 0.5, 10);
    expect([q.dtype, q.scale, q.zeroPoint, q.axis]).toEqual(['quint8', 0.5, 10, null]);
    expect([...(q.values.raw.data as Uint8Array)]).toEqual([8, 10, 11, 210]);
    expect(dequantize(q).toArray()).toEqual([-1, 0, 0.5, 100]);
  });

  it('per channel along any axis, counted from the end too', () => {
    const x = Tensor.from([
      [1, 2],
      [3, 4],
    ]);
    const q = quantizePerChannel(x, [1, 0.5], [0, 1], -1);
    expect([q.axis, q.values.toArray()]).toEqual([
      1,
      [
        [1, 5],
        [3, 9],
      ],
    ]);
    expect(dequantize(q).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('says what is wrong with qparams', () => {
    const x = Tensor.from([1, 2]);
    expect(() => quantizePerTensor(x, 0, 0)).toThrow('positive and finite in float32, got 0');
    expect(() => quantizePerTensor(x, Number.NaN, 0)).toThrow('got NaN');
    expect(() => quantizePerTensor(x, 1, 300)).toThrow(
      'a zero point of quint8 must be an integer from 0 to 255, got 300',
    );
    expect(() => quantizePerTensor(x, 1, 0, 'int4' as QuantizedDType)).toThrow('quint8, qint8 or qint32, got int4');
    expect(() => quantizePerChannel(x, [1], [0], 0)).toThrow('expected 2 scales and zero points');
    expect(() => fakeQuantizePerChannel(x, [1], [0], 0)).toThrow('has 2 channels, got 1 scales and 1 zero points');
    expect(() => fakeQuantizePerTensor(Tensor.from([1], { dtype: 'int32' }), 1, 0)).toThrow(
      'must be float32, got int32',
    );
  });
});

/** The codes and floats of one golden case. */
function run({ op, params, inputs }: GoldenCase): Record<string, Tensor> {
  const x = inputs.x as Tensor;
  const range = { qmin: params.quant_min as number, qmax: params.quant_max as number };
  const scales = (inputs.scales as Tensor | undefined)?.raw.data as Float32Array;
  const zeros = Array.from((inputs.zero_points as Tensor | undefined)?.raw.data ?? [], Number);
  const dtype = params.dtype as QuantizedDType;
  const axis = params.axis as number;
  if (op === 'fake_quantize_per_tensor_affine') {
    return { y: fakeQuantizePerTensor(x, params.scale as number, params.zero_point as number, range) };
  }
  if (op === 'fake_quantize_per_channel_affine') return { y: fakeQuantizePerChannel(x, scales, zeros, axis, range) };
  if (params.float_zero_points === true) return { q: floatZeroPoints(x, scales, zeros) };
  const q =
    op === 'quantize_per_tensor'
      ? quantizePerTensor(x, params.scale as number, params.zero_point as number, dtype)
      : quantizePerChannel(x, scales, zeros, axis, dtype);
  return { q: q.values, dequantized: dequantize(q) };
}

function floatZeroPoints(x: Tensor, scales: Float32Array, zeros: number[]): Tensor {
  const run = sizeOf(x.raw.dims.slice(1));
  const codes = Uint8Array.from(x.raw.data as Float32Array, (value, i) => {
    const row = Math.floor(i / run);
    return quantizeWithFloatZeroPoint(value, inverseScale(scales[row] as number), zeros[row] as number, 0, 255);
  });
  return new Tensor('uint8', codes, x.raw.dims);
}

itGolden('golden quantize: every code, dequantized value and fake quantization', () => {
  const cases = goldenCases('quantize');
  for (const each of cases) {
    const got = run(each);
    // Quirk cases hold what PyTorch's int32 overflow gives; ours saturates.
    const codes = each.quirk === undefined ? each.outputs.q : each.outputs.q_saturated;
    if (codes !== undefined) expectSameBits(`${each.name} q`, got.q as Tensor, codes as Tensor);
    if (got.dequantized !== undefined && each.quirk === undefined) {
      expectSameBits(`${each.name} dequantized`, got.dequantized, each.outputs.dequantized as Tensor);
    }
    if (got.y !== undefined) expectSameBits(`${each.name} y`, got.y, each.outputs.y as Tensor);
  }
  expect(cases).toHaveLength(533);
  expect(QuantizedTensor.is(quantizePerTensor(Tensor.from([1]), 1, 0))).toBe(true);
});
