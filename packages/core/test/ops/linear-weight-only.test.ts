import { expect, it } from 'vitest';
import { linear } from '../../src/ops/linear.js';
import { linearWeightOnly } from '../../src/ops/linear-weight-only.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { randomTensor } from '../random-tensor.js';

const bytes = (values: number[], dims: number[]) => new Tensor('uint8', Uint8Array.from(values), dims);
const floats = (values: number[], dims: number[]) => new Tensor('float32', Float32Array.from(values), dims);
const metas = (operands: readonly (Tensor | null)[]) => operands.map((x) => x && { dtype: x.type, dims: x.raw.dims });

it('reads 4-bit codes from the lower half of a byte first, in groups with a scale and zero point each', () => {
  // Codes 1 2 3 | 4 of groups of 3: (code - zp) * scale = (1 - 2) * 0.5, 0, 0.5 | (4 - 0) * 2.
  const operands = [
    floats([1, 10, 100, 1000], [1, 4]),
    bytes([0x21, 0x43], [1, 2]),
    floats([0.5, 2], [1, 2]),
    bytes([2, 0], [1, 2]),
    floats([0.25], [1]),
  ];
  const attrs = { bits: 4, groupSize: 3, activation: 0 };
  expect(linearWeightOnly.infer(metas(operands), attrs)).toEqual([{ dtype: 'float32', dims: [1, 1] }]);
  expect([...(linearWeightOnly.reference(operands, attrs)[0] as Tensor<'float32'>).raw.data]).toEqual([8049.75]);
});

it('is the float linear of the weight that 8-bit codes stand for, activation and all', () => {
  const x = randomTensor([3, 6], 1);
  const codes = bytes(
    Array.from({ length: 12 }, (_, i) => (i * 37) % 256),
    [2, 6],
  );
  const [scales, zeroPoints] = [floats([0.1, 0.2], [2, 1]), bytes([128, 7], [2, 1])];
  const weight = floats(
    Array.from({ length: 12 }, (_, i) =>
      Math.fround((((i * 37) % 256) - (i < 6 ? 128 : 7)) * Math.fround(i < 6 ? 0.1 : 0.2)),
    ),
    [2, 6],
  );
  const attrs = { bits: 8, groupSize: 6, activation: 2 };
  expect(linearWeightOnly.reference([x, codes, scales, zeroPoints, null], attrs)).toEqual(
    linear.reference([x, weight, null], { activation: 2 }),
  );
});

it('refuses other widths, and scales that do not fit the groups', () => {
  const operands = [
    randomTensor([1, 4], 1),
    bytes([1, 2, 3, 4], [1, 4]),
    floats([1], [1, 1]),
    bytes([0], [1, 1]),
    null,
  ];
  expect(() => linearWeightOnly.infer(metas(operands), { bits: 3, groupSize: 4 })).toThrow(/bits must be 8 or 4/);
  expect(() => linearWeightOnly.infer(metas(operands), { bits: 8, groupSize: 2 })).toThrow(
    /scales and zero points \[1, 2\]/,
  );
});
