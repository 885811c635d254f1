import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { F, nn, Tensor } from '@octavo/core';
import { defaultDynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { afterAll, describe, expect, it } from 'vitest';
import { coverage, type Graph, loadGraph, quantizeDynamic, saveGraph, trace } from '../../src/index.js';
import { encodeOnnx } from '../../src/onnx/export/written-model.js';
import { floats, floatsOf, seeded } from '../models.js';
import { runInOrt } from '../onnx/ort.js';

const folder = mkdtempSync(join(tmpdir(), 'octavo-recurrent-graphs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** All outputs of a recurrent module, by name. */
class Sequence extends nn.Module {
  constructor(readonly rnn: nn.LSTM | nn.GRU) {
    super();
  }

  forward(x: Tensor, lengths?: Tensor): Record<string, Tensor> {
    const [output, state] = this.rnn.call(x, null, lengths) as [Tensor, Tensor | [Tensor, Tensor]];
    const [h, c] = Array.isArray(state) ? state : [state];
    return { output, h: h as Tensor, ...(c && { c }) };
  }
}

const MODULES = {
  lstm: seeded(() => new Sequence(new nn.LSTM(5, 18, { numLayers: 2, bidirectional: true }))),
  gru: seeded(() => new Sequence(new nn.GRU(5, 18, { bidirectional: true }))),
};
const x = floats([6, 3, 5]);
const lengths = Tensor.from([6, 1, 4], { dtype: 'int32' });

function traced(name: keyof typeof MODULES): Graph {
  return trace(MODULES[name], { x, lengths });
}

function ops(graph: Graph): string[] {
  return [...graph.nodes()].map(({ op }) => op).filter((op) => op.includes('_layer'));
}

function expectSame(got: Record<string, Tensor>, expected: Record<string, Tensor>): void {
  expect(Object.keys(got)).toEqual(Object.keys(expected));
  for (const [name, tensor] of Object.entries(expected)) {
    expect(got[name]?.dims, name).toEqual(tensor.dims);
    expect(floatsOf(got[name]), name).toEqual(floatsOf(tensor));
  }
}

describe.each(['lstm', 'gru'] as const)('a traced %s', (name) => {
  it('is one op a layer and direction, for any batch and length', () => {
    const graph = traced(name);
    expect(ops(graph)).toEqual(Array.from({ length: name === 'lstm' ? 4 : 2 }, () => `aten::${name}_layer`));
    expect(graph.fixedBy).toBeNull();
    const other = { x: floats([9, 2, 5]), lengths: Tensor.from([2, 9], { dtype: 'int32' }) };
    expectSame(graph.run(other), MODULES[name].call(other.x, other.lengths) as Record<string, Tensor>);
  });

  it.each([perRowDynamicQConfig, defaultDynamicQConfig])(
    'becomes int8, is counted, and survives a file',
    async (qconfig) => {
      const float = traced(name);
      const int8 = quantizeDynamic(float, { '': qconfig });
      expect(ops(int8)).toEqual(ops(float).map((op) => op.replace(/aten::(.*)/, 'quantized::$1_dynamic')));
      const { rows, int8Share } = coverage(int8);
      expect(int8Share).toBe(1);
      const gates = name === 'lstm' ? 4 : 3;
      expect(rows[0]).toMatchObject({ path: 'rnn', precision: 'int8', multiplyAdds: gates * 18 * (5 + 18) });
      const result = int8.run({ x, lengths });
      const [expected, got] = [floatsOf(float.run({ x, lengths }).output), floatsOf(result.output)];
      expect(Math.max(...expected.map((value, i) => Math.abs(value - (got[i] as number))))).toBeLessThan(0.02);
      await saveGraph(int8, join(folder, `${name}.safetensors`));
      expectSame((await loadGraph(join(folder, `${name}.safetensors`))).run({ x, lengths }), result);
    },
  );

  it('in debug form keeps h in float', () => {
    const debug = quantizeDynamic(traced(name), { '': perRowDynamicQConfig }, { debug: true });
    expect(ops(debug)).toEqual(ops(traced(name)));
    const [expected, got] = [
      floatsOf(traced(name).run({ x, lengths }).output),
      floatsOf(debug.run({ x, lengths }).output),
    ];
    expect(Math.max(...expected.map((value, i) => Math.abs(value - (got[i] as number))))).toBeLessThan(0.02);
  });

  it('in debug form is exported with the weights that it rounds', async () => {
    const debug = quantizeDynamic(traced(name), { '': defaultDynamicQConfig }, { debug: true });
    const [theirs, ours] = [await runInOrt(encodeOnnx(debug), { x, lengths }), debug.run({ x, lengths })];
    // A code of x may fall to the other side of a tie: a step of its range, 1 / 127, times weights of about 0.1.
    for (const [key, tensor] of Object.entries(ours)) {
      const got = floatsOf(theirs[key]);
      expect(Math.max(...floatsOf(tensor).map((value, i) => Math.abs(value - (got[i] as number)))), key).toBeLessThan(
        2 ** -10,
      );
    }
  });

  it('exported to ONNX gives the same in ONNX Runtime, lengths included', async () => {
    const graph = traced(name);
    const theirs = await runInOrt(encodeOnnx(graph), { x, lengths });
    for (const [key, tensor] of Object.entries(graph.run({ x, lengths }))) {
      const got = floatsOf(theirs[key]);
      // Other polynomials and orders of sums, over six steps of values below 1.
      expect(Math.max(...floatsOf(tensor).map((value, i) => Math.abs(value - (got[i] as number)))), key).toBeLessThan(
        2e-6,
      );
    }
  });
});

it('an LSTM with projections stays float, and says why', () => {
  const lstm = seeded(() => new Sequence(new nn.LSTM(5, 18, { projSize: 4 })));
  const graph = quantizeDynamic(
    trace((input: Tensor) => F.relu((lstm.forward(input) as { output: Tensor }).output), [x]),
    { '': perRowDynamicQConfig },
  );
  expect(coverage(graph).rows[0]?.reason).toBe('an LSTM with projections has no int8 form');
  expect(() => encodeOnnx(graph)).toThrow('ONNX has no LSTM with projections');
});
