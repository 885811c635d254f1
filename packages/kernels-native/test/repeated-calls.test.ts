import {
  type Attrs,
  ConvPackedParams,
  LinearPackedParams,
  type Operand,
  opByName,
  QuantizedTensor,
  Tensor,
} from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { createNativeBackend, supportedIsas } from '../src/index.js';
import { bitsOf, floats, generator, type Random } from './random.js';
import { runKernel } from './run-kernel.js';

// Kernels may prepare a weight anew once it was used for some time. The tenth call must give the bits of the first.

const CALLS = 10;

/** int8 weights that spread as trained ones do, scaled by their largest: some sums of two or four of them are large. */
function bellShaped(random: Random, dims: readonly number[]): QuantizedTensor {
  const size = dims.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: size }, () => random() + random() + random() + random() - 2);
  const largest = values.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  const codes = Int8Array.from(values, (x) => Math.round((x / largest) * 127));
  const scales = new Float32Array(dims[0] as number).fill(0.01);
  return new QuantizedTensor('qint8', new Tensor('int8', codes, dims), {
    scales,
    zeroPoints: new Int32Array(scales.length),
    axis: 0,
  });
}

/** Codes up to `largest`, which is among them. */
function codesUpTo(random: Random, largest: number, dims: readonly number[]): Tensor<'uint8'> {
  const size = dims.reduce((a, b) => a * b, 1);
  return new Tensor(
    'uint8',
    Uint8Array.from({ length: size }, () => Math.round(random() * largest)).fill(largest, 0, 1),
    dims,
  );
}

const STATIC = { xScale: 0.02, xZeroPoint: 60, scale: 0.9, zeroPoint: 70 };
const random = generator(11);
const linear = new LinearPackedParams(bellShaped(random, [90, 530]), floats(random, [90]));
const conv = new ConvPackedParams(bellShaped(random, [2 * 70, 40, 3, 3]), null, { groups: 2, padding: [1, 1, 1, 1] });
const CASES: Record<string, [op: string, inputs: Operand[], attrs: Attrs]> = {
  'a linear of 8-bit rows': [
    'quantized::linear_dynamic',
    [floats(random, [130, 530]), linear],
    { scheme: 1, reduceRange: 0, activation: 0 },
  ],
  'a linear of 7-bit rows': [
    'quantized::linear_dynamic',
    [floats(random, [130, 530]), linear],
    { scheme: 0, reduceRange: 1, activation: 1 },
  ],
  'a static linear of 8-bit codes': [
    'quantized::linear',
    [codesUpTo(random, 255, [100, 530]), linear],
    { ...STATIC, activation: 0 },
  ],
  'a grouped convolution of 8-bit codes': [
    'quantized::conv',
    [codesUpTo(random, 255, [1, 80, 12, 12]), conv],
    { ...STATIC, activation: 1 },
  ],
  'a grouped convolution of 7-bit codes': [
    'quantized::conv',
    [codesUpTo(random, 127, [1, 80, 12, 12]), conv],
    { ...STATIC, activation: 0 },
  ],
};

describe.each(supportedIsas())('weights on %s that are used again and again', (isa) => {
  it.each(Object.entries(CASES))(`%s: ${CALLS} calls give the reference's bits`, (_, [op, inputs, attrs]) => {
    const def = opByName(op);
    const expected = def.reference(inputs, attrs).map(bitsOf);
    for (const threads of [1, 2]) {
      const backend = createNativeBackend({ isa, threads });
      for (let call = 0; call < CALLS; call++) {
        expect(runKernel(backend, def, inputs, attrs).map(bitsOf), `call ${call}`).toEqual(expected);
      }
    }
  });
});
