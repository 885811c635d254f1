import { F, referenceBackend, type Tensor, withBackend } from '@octavo/core';
import { defaultDynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { type Graph, lower, quantizeDynamic, trace } from '../../src/index.js';
import { bits, floats, seeded, sentences, TinyClassifier } from '../models.js';

const model = seeded(() => new TinyClassifier());
const float = trace(model, sentences([3, 5]));
const int8 = quantizeDynamic(float, { '': perRowDynamicQConfig });

/** How often each op occurs in the lowered program. */
function ops(graph: Graph): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op } of lower(graph).program.instructions) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}

describe('lower', () => {
  it('leaves only what the model needs', () => {
    expect(ops(float)).toEqual({
      'aten::to': 1,
      'aten::unsqueeze': 2,
      'aten::sub': 1,
      'aten::mul': 1,
      'aten::embedding': 2,
      'octavo::arange_like': 1,
      'aten::add': 5,
      'aten::layer_norm': 5,
      'aten::linear': 12,
      'octavo::multi_head_attention': 2,
      'aten::select': 1,
      'aten::tanh': 1,
    });
  });

  it('shares the quantized input of Q, K and V: 8 for 12 linears', () => {
    expect(ops(int8)).toMatchObject({ 'octavo::quantize_dynamic': 8, 'octavo::linear_quantized': 12 });
    expect(ops(int8)['aten::gelu']).toBeUndefined();
  });

  it('does not share between schemes', () => {
    const mixed = quantizeDynamic(float, { '': perRowDynamicQConfig, 'layers.0.attention.key': defaultDynamicQConfig });
    expect(ops(mixed)).toMatchObject({ 'octavo::quantize_dynamic': 9 });
  });

  it('folds the weights of a debug graph', () => {
    const debug = ops(quantizeDynamic(float, { '': perRowDynamicQConfig }, { debug: true }));
    expect(debug).toMatchObject({ 'octavo::quantize_per_row': 8, 'aten::dequantize': 8, 'aten::linear': 12 });
    expect(debug['aten::quantize_per_channel']).toBeUndefined();
  });

  it('stores each constant once and knows no other value', () => {
    const { program } = lower(trace((x: Tensor) => F.mul(F.add(F.mul(x, 2), 2), 2), { x: floats([1]) }));
    expect(program.values.filter(({ constant }) => constant !== undefined)).toHaveLength(1);
    expect(program.values).toHaveLength(5);
    const used = new Set([...program.inputs, ...program.outputs].map(({ value }) => value));
    for (const { inputs, outputs } of program.instructions)
      for (const value of [...inputs, ...outputs]) used.add(value);
    expect([...used].sort((a, b) => a - b)).toEqual(program.values.map((_, i) => i));
  });

  it('fixes input dims only where the trace did', () => {
    expect(lower(float).program.inputs.map(({ fixedDims }) => fixedDims)).toEqual([undefined, undefined]);
    const fixed = trace((x: Tensor) => F.reshape(x, [...x.dims].reverse()), { x: floats([2, 3]) });
    expect(lower(fixed).program.inputs[0]?.fixedDims).toEqual([2, 3]);
  });

  it('does not change the graph', () => {
    const before = int8.print();
    lower(int8);
    expect(int8.print()).toBe(before);
  });
});

describe('a fused activation', () => {
  it.each<[string, (x: Tensor) => Tensor]>([
    ['gelu', (x) => F.gelu(x)],
    ['relu', (x) => F.relu(x)],
  ])('%s rounds as the op behind the linear, float and int8', (_, activation) => {
    const [weight, bias] = [floats([16, 8], 3), floats([16], 4)];
    const x = floats([64, 8], 5, 30);
    withBackend(referenceBackend, () => {
      const fused = trace((input: Tensor) => activation(F.linear(input, weight, bias)), { x });
      expect(lower(fused).program.instructions).toHaveLength(1);
      expect(bits(fused.run({ x }).output)).toEqual(bits(activation(F.linear(x, weight, bias))));
      const whole = quantizeDynamic(fused, { '': perRowDynamicQConfig });
      const parts = quantizeDynamic(
        trace((input: Tensor) => F.linear(input, weight, bias), { x }),
        { '': perRowDynamicQConfig },
      );
      expect(bits(whole.run({ x }).output)).toEqual(bits(activation(parts.run({ x }).output as Tensor)));
    });
  });
});
