import { expect, it } from 'vitest';
import { attention } from '../../src/ops/attention.js';
import { attentionInt8 } from '../../src/ops/attention-int8.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { randomTensor } from '../random-tensor.js';

const HEADS = { heads: 2, scale: 0.5 };
const run = (op: typeof attention, ...inputs: (Tensor | null)[]) => {
  op.infer(
    inputs.map((x) => x && { dtype: x.type, dims: x.raw.dims }),
    HEADS,
  );
  return (op.reference(inputs, HEADS)[0] as Tensor<'float32'>).raw.data;
};
const tokens = (count: number, seed: number) => randomTensor([1, count, 8], seed);
const masked = (unmasked: number, count: number) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: count }, (_, j) => (j < unmasked ? 0 : -3.4e38)),
    [1, 1, 1, count],
  );

it('is attention to within the steps of 8 bits', () => {
  const [q, k, v] = [tokens(5, 1), tokens(7, 2), tokens(7, 3)];
  const [float, int8] = [run(attention, q, k, v, null), run(attentionInt8, q, k, v, null)];
  const largest = Math.max(...Array.from(v.raw.data as Float32Array, Math.abs));
  // A value is off by at most half a step, 1 / 254 of the largest; probabilities by 1 / 510 each, and what scores add.
  float.forEach((x, i) => {
    expect(Math.abs(x - (int8[i] as number))).toBeLessThan(0.03 * largest);
  });
  expect(float).not.toEqual(int8);
});

it('gives the exact average of equal scores, worked by hand', () => {
  // Keys of zeros: both probabilities are 0.5, the code 255 of the scale 0.5 / 255; values 127 and -127 of scale 1 cancel.
  const q = tokens(1, 1);
  const k = Tensor.zeros([1, 2, 8]);
  const v = new Tensor(
    'float32',
    Float32Array.from({ length: 16 }, (_, i) => (i < 8 ? 127 : i === 8 ? 127 : -127)),
    [1, 2, 8],
  );
  const y = run(attentionInt8, q, k, v, null);
  expect([...y.slice(1)]).toEqual([0, 0, 0, 0, 0, 0, 0]);
  expect(y[0]).toBeCloseTo(127, 4);
});

it('has the same bits at any padding, whatever lies there', () => {
  const padded = (x: Tensor, fill: number) => {
    const data = new Float32Array(9 * 8).fill(fill);
    data.set(x.raw.data as Float32Array);
    return new Tensor('float32', data, [1, 9, 8]);
  };
  const [q, k, v] = [tokens(6, 1), tokens(6, 2), tokens(6, 3)];
  const alone = run(attentionInt8, q, k, v, masked(6, 6));
  const together = run(attentionInt8, padded(q, 3), padded(k, 50), padded(v, 900), masked(6, 9));
  expect(together.slice(0, alone.length)).toEqual(alone);
});
