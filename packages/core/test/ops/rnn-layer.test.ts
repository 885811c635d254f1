import { describe, expect, it } from 'vitest';
import { F, LinearPackedParams, manualSeed, nn, QuantizedTensor, Tensor } from '../../src/index.js';
import '../reference-only.js';

const [STEPS, BATCH, WIDTH, HIDDEN] = [4, 3, 5, 7];

function cellOf(nonlinearity: 'tanh' | 'relu') {
  manualSeed(3);
  const cell = new nn.RNNCell(WIDTH, HIDDEN, { nonlinearity });
  const weights = { weightIh: cell.weight_ih, weightHh: cell.weight_hh, biasIh: cell.bias_ih, biasHh: cell.bias_hh };
  return { cell, weights: weights as F.RecurrentWeights };
}

const x = Tensor.from(
  Array.from({ length: STEPS }, (_, t) =>
    Array.from({ length: BATCH }, (_, i) => Array.from({ length: WIDTH }, (_, j) => Math.sin(t + 2 * i + 3 * j))),
  ),
);
const step = (t: number): Tensor => F.select(x, 0, t);

describe.each(['tanh', 'relu'] as const)('rnnLayer of %s', (nonlinearity) => {
  it('gives what the cell gives step by step', () => {
    const { cell, weights } = cellOf(nonlinearity);
    const [y, last] = F.rnnLayer(x, weights, { nonlinearity });
    let h = new Tensor('float32', new Float32Array(BATCH * HIDDEN), [BATCH, HIDDEN]) as Tensor;
    for (let t = 0; t < STEPS; t++) {
      h = cell.call(step(t), h);
      expect([...F.select(y, 0, t).data]).toEqual([...h.data]);
    }
    expect([...last.data]).toEqual([...h.data]);
  });

  it('runs backwards from a state over sequences of their own lengths', () => {
    const { cell, weights } = cellOf(nonlinearity);
    const lengths = Tensor.from([4, 1, 2], { dtype: 'int32' });
    const h0 = F.mul(F.select(F.rnnLayer(x, weights, { nonlinearity })[0], 0, 1), 0.5);
    const [y, last] = F.rnnLayer(x, weights, { nonlinearity, reverse: true, lengths, h: h0 });
    const [forward] = [cell.call(step(0), h0)];
    // The second sequence has one step: forwards and backwards are the same.
    expect([...F.select(last, 0, 1).data]).toEqual([...F.select(forward, 0, 1).data]);
    expect([...F.select(F.select(y, 0, 1), 0, 1).data]).toEqual(Array.from({ length: HIDDEN }, () => 0));
  });

  it('over int8 weights lies near', () => {
    const { weights } = cellOf(nonlinearity);
    const packed = (weight: Tensor, bias: Tensor | null | undefined) => {
      const scale = Math.max(...Array.from(weight.data as Float32Array, Math.abs)) / 127;
      const codes = Int8Array.from(weight.data as Float32Array, (value) => Math.round(value / scale));
      const quantized = new QuantizedTensor('qint8', new Tensor('int8', codes, weight.dims), {
        scales: Float32Array.of(scale),
        zeroPoints: Int32Array.of(0),
        axis: null,
      });
      return new LinearPackedParams(quantized, bias as Tensor<'float32'>);
    };
    const { weightIh, weightHh, biasIh, biasHh } = weights;
    const [got] = F.rnnLayerDynamic(
      x,
      { ih: packed(weightIh, biasIh), hh: packed(weightHh, biasHh) },
      { nonlinearity },
    );
    const [expected] = F.rnnLayer(x, weights, { nonlinearity });
    expect(
      Math.max(...Array.from(got.data, (value, i) => Math.abs(value - (expected.data[i] as number)))),
    ).toBeLessThan(0.03);
  });
});
