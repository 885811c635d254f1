import { Tensor } from '@octavo/core';
import { expect, it } from 'vitest';
import { importOnnx } from '../../src/index.js';
import { floats } from '../models.js';
import { modelBytes, type NodeInput, tensorProto } from './build-model.js';
import { runInOrt } from './ort.js';

const INT64 = 7;
const [HEADS, D, PLACES] = [3, 8, 10];

const table = (name: string, of: (angle: number) => number) =>
  tensorProto(
    name,
    [PLACES, D / 2],
    Array.from({ length: (PLACES * D) / 2 }, (_, i) => Math.fround(of(Math.floor(i / (D / 2)) / 2 ** (i % (D / 2))))),
  );

/** com.microsoft's operator, as ONNX Runtime's transformer optimizer makes it. */
it.each<[string, readonly (number | string)[], NodeInput['attrs']]>([
  ['heads apart', ['batch', HEADS, 'length', D], {}],
  ['heads side by side, whose number the tables say', ['batch', 'length', HEADS * D], {}],
  ['neighbours as pairs', ['batch', HEADS, 'length', D], { interleaved: 1 }],
])('RotaryEmbedding of %s is what ONNX Runtime gives, at every batch and length', async (_, dims, attrs) => {
  const bytes = modelBytes({
    inputs: { x: dims, positions: ['batch', 'length'] },
    types: { positions: INT64 },
    initializers: [table('cos', Math.cos), table('sin', Math.sin)],
    nodes: [
      {
        op: 'RotaryEmbedding',
        in: ['x', 'positions', 'cos', 'sin'],
        out: ['y'],
        domain: 'com.microsoft',
        ...(attrs && { attrs }),
      },
    ],
    outputs: ['y'],
  });
  const graph = await importOnnx(bytes);
  expect([...graph.nodes()].filter(({ op }) => op.startsWith('onnx::'))).toEqual([]);
  for (const [batch, length] of [
    [2, 4],
    [1, 7],
  ] as const) {
    const x = floats(
      dims.map((dim) => (dim === 'batch' ? batch : dim === 'length' ? length : (dim as number))),
      3,
    );
    const positions = Tensor.from(
      Array.from({ length: batch * length }, (_, i) => (i * 3) % PLACES),
      { dtype: 'int64', dims: [batch, length] },
    );
    const [y, theirs] = [graph.run({ x, positions }).y, (await runInOrt(bytes, { x, positions })).y];
    expect(y?.raw.dims).toEqual(theirs?.raw.dims);
    y?.raw.data.forEach((value, i) => {
      expect(value).toBeCloseTo(Number(theirs?.raw.data[i]), 5);
    });
  }
});
