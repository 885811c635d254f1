import { describe, expect, it } from 'vitest';
import { type Graph, importOnnx } from '../../src/index.js';
import { encodeOnnx } from '../../src/onnx/export/written-model.js';
import { bits, floats } from '../models.js';
import { modelBytes, type NodeInput, tensorProto } from '../onnx/build-model.js';
import { runInOrt } from '../onnx/ort.js';

const WIDTH = 24;

/** From the squares of x to what x is multiplied with, or divided by. */
const root = (axes: number[]): NodeInput[] => [
  { op: 'Pow', in: ['x', 'two'], out: ['squares'] },
  { op: 'ReduceMean', in: ['squares'], out: ['mean'], attrs: { axes, keepdims: 1 } },
  { op: 'Add', in: ['mean', 'eps'], out: ['shifted'] },
  { op: 'Sqrt', in: ['shifted'], out: ['root'] },
];

const FORMS: Readonly<Record<string, NodeInput[]>> = {
  'a factor of 1 / root': [
    ...root([-1]),
    { op: 'Div', in: ['one', 'root'], out: ['inverse'] },
    { op: 'Mul', in: ['x', 'inverse'], out: ['normed'] },
    { op: 'Mul', in: ['weight', 'normed'], out: ['y'] },
  ],
  'a reciprocal': [
    ...root([2]),
    { op: 'Reciprocal', in: ['root'], out: ['inverse'] },
    { op: 'Mul', in: ['inverse', 'x'], out: ['normed'] },
    { op: 'Mul', in: ['normed', 'weight'], out: ['y'] },
  ],
  'a divisor, without a weight': [...root([-1]), { op: 'Div', in: ['x', 'root'], out: ['y'] }],
};

const model = (nodes: readonly NodeInput[]): Uint8Array =>
  modelBytes({
    inputs: { x: ['batch', 'length', WIDTH] },
    initializers: [
      tensorProto('two', [], [2]),
      tensorProto('one', [], [1]),
      tensorProto('eps', [], [1e-6]),
      tensorProto('weight', [WIDTH], [...floats([WIDTH], 3).raw.data]),
    ],
    nodes,
    outputs: ['y'],
  });

const opsOf = (graph: Graph) => [...graph.nodes()].map(({ op }) => op).filter((op) => !op.startsWith('prim::'));

describe('fuseRmsNorm', () => {
  it.each(Object.entries(FORMS))('knows it by %s', async (_, nodes) => {
    const graph = await importOnnx(model(nodes));
    expect(opsOf(graph)).toEqual(['aten::rms_norm']);
    const x = floats([2, 3, WIDTH], 1);
    const [y, theirs] = [graph.run({ x }).y, (await runInOrt(model(nodes), { x })).y];
    y?.raw.data.forEach((value, i) => {
      expect(value).toBeCloseTo(Number(theirs?.raw.data[i]), 5);
    });
    const again = await importOnnx(encodeOnnx(graph));
    expect(bits(again.run({ x }).y)).toEqual(bits(y));
  });

  it('leaves a mean over another axis alone', async () => {
    const nodes = [...root([1]), { op: 'Div', in: ['x', 'root'], out: ['y'] }];
    expect(opsOf(await importOnnx(model(nodes)))).toContain('aten::mean');
  });
});
