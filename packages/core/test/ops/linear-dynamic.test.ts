import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import * as F from '../../src/functional.js';
import { dispatch } from '../../src/ops/dispatch.js';
import { opByName } from '../../src/ops/op-table.js';
import { quantizePerChannel, quantizePerTensor } from '../../src/quantize.js';
import { LinearPackedParams } from '../../src/tensor/linear-packed-params.js';
import { QuantizedTensor } from '../../src/tensor/quantized-tensor.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { sameFloats } from '../floats.js';
import { expectSameBits, type GoldenCase, goldenCases, itGolden } from '../golden.js';
import { randomTensor } from '../random-tensor.js';

function packedOf({ params, inputs }: GoldenCase): LinearPackedParams {
  const perChannel = params.per_channel === true;
  const scales = perChannel
    ? (inputs.weight_scales as Tensor<'float32'>).raw.data
    : Float32Array.of(params.weight_scale as number);
  const zeroPoints = perChannel
    ? Int32Array.from((inputs.weight_zero_points as Tensor).raw.data as BigInt64Array, Number)
    : Int32Array.of(params.weight_zero_point as number);
  const weight = new QuantizedTensor('qint8', inputs.weight as Tensor, {
    scales,
    zeroPoints,
    axis: perChannel ? 0 : null,
  });
  return new LinearPackedParams(weight, (inputs.bias as Tensor | undefined) ?? null);
}

itGolden('golden linear_dynamic: ranges, codes and outputs', () => {
  const cases = goldenCases('linear_dynamic');
  for (const each of cases) {
    const { name, op, params, inputs, outputs } = each;
    const x = inputs.x as Tensor;
    const reduceRange = params.reduce_range === true;
    const { codes, scales, zeroPoints } = F.quantizeDynamic(x, { scheme: 'perTensor', reduceRange });
    if (scales.raw.data.length > 0) {
      expect([name, scales.raw.data[0], zeroPoints.raw.data[0]]).toEqual([
        name,
        Math.fround(outputs.x_scale as number),
        outputs.x_zero_point,
      ]);
    }
    expectSameBits(`${name} x_codes`, codes, outputs.x_codes as Tensor);
    const activation = op === 'linear_relu_dynamic' ? 'relu' : 'none';
    const y = F.linearDynamic(x, packedOf(each), { scheme: 'perTensor', reduceRange, activation });
    expectSameBits(`${name} y`, y, outputs.y as Tensor);
  }
  expect(cases).toHaveLength(252);
});

describe('linear_dynamic', () => {
  const weight = randomTensor([5, 7], 3);
  const packed = new LinearPackedParams(
    quantizePerChannel(weight, new Float32Array(5).fill(0.03), new Int32Array(5)),
    randomTensor([5], 4),
  );

  it('is quantize_dynamic followed by linear_quantized', () => {
    const x = randomTensor([2, 3, 7], 5);
    for (const scheme of ['perTensor', 'perRow'] as const) {
      const parts = F.linearQuantized(F.quantizeDynamic(x, { scheme }), packed, { activation: 'gelu' });
      expectSameBits(scheme, F.linearDynamic(x, packed, { scheme, activation: 'gelu' }), parts);
    }
  });

  it('per row: a row has the same bits in any batch', () => {
    const x = randomTensor([4, 7], 6);
    const together = F.linearDynamic(x, packed).raw.data;
    for (let row = 0; row < 4; row++) {
      const alone = F.linearDynamic(F.slice(x, 0, row, row + 1), packed).raw.data;
      expect(sameFloats(alone, together.subarray(row * 5, row * 5 + 5))).toBe(true);
    }
  });

  it('takes a weight per tensor and a missing bias', () => {
    const plain = new LinearPackedParams(quantizePerTensor(weight, 0.02, 0, 'qint8'));
    const y = F.linearDynamic(randomTensor([1, 7], 8), plain);
    expect(y.raw.dims).toEqual([1, 5]);
    expect(F.linearDynamic(Tensor.zeros([0, 7]), plain).raw.dims).toEqual([0, 5]);
  });

  it('says what does not fit', () => {
    expect(() => F.linearDynamic(Tensor.zeros([2, 6]), packed)).toThrow(
      '[quantized::linear_dynamic] expected x [..., 7] for a packed weight',
    );
    expect(() => F.linearDynamic(Tensor.zeros([2, 7], 'int32'), packed)).toThrow('x must be float32, got int32');
    expect(() => F.linearDynamic(Tensor.zeros([2, 7]), weight as never)).toThrow('packed must be LinearPackedParams');
    const quantized = F.quantizeDynamic(Tensor.zeros([2, 7]));
    const short = { ...quantized, scales: Tensor.from([1]) };
    expect(() => F.linearQuantized(short, packed)).toThrow('one scale and zero point, or one for each of 2 rows');
    expect(() => F.quantizeDynamic(Tensor.from(1))).toThrow('expected x [..., k], got []');
  });
});

it("the scheme 'onnx' gives what DynamicQuantizeLinear gives, and has no reduced range", () => {
  for (const values of [
    [-1, 0.3, 2.55, 0.005],
    [0, 0, 0, 0],
    [3, 1.5, 0.75, 2],
  ]) {
    const x = Tensor.from([values]);
    const { codes, scales, zeroPoints } = F.quantizeDynamic(x, { scheme: 'onnx' });
    const [expected, scale, zeroPoint] = dispatch(opByName('octavo::dynamic_quantize_linear'), [x], {}) as Tensor[];
    expect(codes.data).toEqual(expected?.data);
    expect([scales.data[0], zeroPoints.data[0]]).toEqual([scale?.data[0], zeroPoint?.data[0]]);
  }
  expect(() => F.quantizeDynamic(Tensor.from([[1]]), { scheme: 'onnx', reduceRange: true })).toThrow(
    "[octavo::quantize_dynamic] the scheme 'onnx' has no reduced range; set reduceRange to 0",
  );
});
