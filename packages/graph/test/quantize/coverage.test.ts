import { F, type Tensor } from '@octavo/core';
import { perRowDynamicQConfig } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { coverage, importOnnx, prepareDynamic, quantizeDynamic, trace } from '../../src/index.js';
import { floats, seeded, sentences, TinyClassifier } from '../models.js';
import { modelBytes } from '../onnx/build-model.js';

const float = trace(
  seeded(() => new TinyClassifier()),
  sentences([3, 5]),
);

describe('coverage', () => {
  it('lists every op that multiplies, with its precision and the reason', () => {
    const { rows } = coverage(quantizeDynamic(float, { '': perRowDynamicQConfig, classifier: null }));
    expect(rows.map(({ path, precision, reason }) => `${path}: ${precision}, ${reason}`)).toMatchSnapshot();
  });

  it('counts in * out a row for linears and 2 * keys * width for attention', () => {
    const { rows, int8Share } = coverage(quantizeDynamic(float, { '': perRowDynamicQConfig, classifier: null }));
    const of = (path: string) => rows.find((row) => row.path === path)?.multiplyAdds;
    expect(of('layers.0.attention.query')).toBe(64);
    expect(of('layers.0.up')).toBe(128);
    expect(of('layers.0.attention')).toBe(2 * 5 * 8);
    expect(of('classifier')).toBe(16);
    const int8 = 2 * (3 * 64 + 2 * 128) + 64;
    expect(int8Share).toBeCloseTo(int8 / (int8 + 2 * 80 + 16), 12);
  });

  it('counts matmul of heads for each token', () => {
    const graph = trace((a: Tensor, b: Tensor) => F.matmul(a, b), [floats([2, 4, 3, 5]), floats([2, 4, 5, 7])]);
    expect(coverage(graph).rows).toMatchObject([{ op: 'aten::matmul', precision: 'float32', multiplyAdds: 4 * 5 * 7 }]);
  });

  it('says what it cannot count, where only a run knows the dims', async () => {
    const graph = await importOnnx(
      modelBytes({
        inputs: { a: ['batch', 'length', 4], b: ['batch', 4, 'length'] },
        initializers: [],
        nodes: [{ op: 'MatMul', in: ['a', 'b'], out: ['y'] }],
        outputs: ['y'],
      }),
    );
    const reason = 'matmul of two activations has no int8 form; not counted, as its dims vary by run';
    expect(coverage(graph).rows).toMatchObject([{ op: 'aten::matmul', multiplyAdds: 0, reason }]);
  });

  it('says what float, prepared and debug graphs are', () => {
    const reasons = (graph: typeof float) => coverage(graph).rows.find(({ path }) => path === 'pooler')?.reason;
    expect(reasons(float)).toBe('not quantized');
    expect(reasons(prepareDynamic(float, { '': perRowDynamicQConfig }))).toBe('prepared, not converted yet');
    const debug = quantizeDynamic(float, { '': perRowDynamicQConfig }, { debug: true });
    expect(reasons(debug)).toBe('debug: float emulation of int8');
    expect(coverage(debug).int8Share).toBe(0);
  });

  it('keeps the reason of a linear that cannot be int8', () => {
    const graph = trace((x: Tensor) => F.linear(x, F.tanh(x)), { x: floats([2, 2]) });
    const [row] = coverage(quantizeDynamic(graph, { '': perRowDynamicQConfig })).rows;
    expect(row).toMatchObject({ precision: 'float32', reason: 'its weight is computed at run time' });
  });
});
