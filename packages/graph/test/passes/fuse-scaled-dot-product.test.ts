import { describe, expect, it } from 'vitest';
import { coverage, type Graph, importOnnx } from '../../src/index.js';
import { encodeOnnx } from '../../src/onnx/export/written-model.js';
import { floats } from '../models.js';
import { modelBytes, type NodeInput, tensorProto } from '../onnx/build-model.js';
import { runInOrt } from '../onnx/ort.js';

const INT64 = 7;
const [HEADS, WIDTH] = [2, 8];
const D = WIDTH / HEADS;
const ints = (name: string, values: readonly number[]) => tensorProto(name, [values.length], values, INT64);

const INITIALIZERS = [
  tensorProto('i0', [], [0], INT64),
  tensorProto('i1', [], [1], INT64),
  tensorProto('heads', [], [HEADS], INT64),
  ints('n0', [0]),
  ints('one', [1]),
  ints('minus', [-1]),
  ints('d', [D]),
  ints('width', [WIDTH]),
  tensorProto('scale', [], [0.5]),
  tensorProto('weight', [WIDTH, WIDTH], [...floats([WIDTH, WIDTH], 5).raw.data]),
];

/** The dims of x [batch, length, width], each as a number and as a list. */
const DIMS: NodeInput[] = [
  { op: 'Shape', in: ['x'], out: ['shape'] },
  { op: 'Gather', in: ['shape', 'i0'], out: ['batch'] },
  { op: 'Gather', in: ['shape', 'i1'], out: ['length'] },
  { op: 'Unsqueeze', in: ['batch', 'n0'], out: ['batchList'] },
  { op: 'Unsqueeze', in: ['length', 'n0'], out: ['lengthList'] },
  { op: 'Mul', in: ['batch', 'heads'], out: ['merged'] },
  { op: 'Unsqueeze', in: ['merged', 'n0'], out: ['mergedList'] },
];

const softmaxOf = (scores: string): NodeInput[] => [
  { op: 'Softmax', in: [scores], out: ['p'], attrs: { axis: -1 } },
  { op: 'MatMul', in: ['p', 'v'], out: ['weighted'] },
];

/** torch.nn.MultiheadAttention: sequences first, batch and heads merged in one dim, a mask for each of them. */
const MERGED: NodeInput[] = [
  ...DIMS,
  { op: 'Transpose', in: ['x'], out: ['turned'], attrs: { perm: [1, 0, 2] } },
  { op: 'Concat', in: ['lengthList', 'mergedList', 'd'], out: ['byHead'], attrs: { axis: 0 } },
  ...['q', 'k', 'v'].flatMap((name): NodeInput[] => [
    { op: 'MatMul', in: ['turned', 'weight'], out: [`${name}.rows`] },
    { op: 'Reshape', in: [`${name}.rows`, 'byHead'], out: [`${name}.split`] },
    { op: 'Transpose', in: [`${name}.split`], out: [name], attrs: { perm: [1, 0, 2] } },
  ]),
  { op: 'Transpose', in: ['k'], out: ['kT'], attrs: { perm: [0, 2, 1] } },
  { op: 'MatMul', in: ['q', 'kT'], out: ['product'] },
  { op: 'Mul', in: ['product', 'scale'], out: ['scores'] },
  { op: 'Concat', in: ['batchList', 'one', 'one', 'lengthList'], out: ['maskDims'], attrs: { axis: 0 } },
  { op: 'Reshape', in: ['mask', 'maskDims'], out: ['mask4'] },
  { op: 'Expand', in: ['mask4', 'eachHead'], out: ['masks'] },
  { op: 'Concat', in: ['mergedList', 'one', 'minus'], out: ['maskRows'], attrs: { axis: 0 } },
  { op: 'Reshape', in: ['masks', 'maskRows'], out: ['mask3'] },
  { op: 'Add', in: ['scores', 'mask3'], out: ['masked'] },
  ...softmaxOf('masked'),
  { op: 'Transpose', in: ['weighted'], out: ['back'], attrs: { perm: [1, 0, 2] } },
  { op: 'Concat', in: ['lengthList', 'batchList', 'width'], out: ['together'], attrs: { axis: 0 } },
  { op: 'Reshape', in: ['back', 'together'], out: ['y'] },
];

/** Keys that are made with their dims turned already, [batch, heads, d, length], and have no transpose to take off. */
const NO_TRANSPOSE: NodeInput[] = [
  ...DIMS,
  { op: 'Concat', in: ['batchList', 'one', 'lengthList', 'width'], out: ['dims'], attrs: { axis: 0 } },
  { op: 'Reshape', in: ['x', 'dims'], out: ['v'] },
  { op: 'MatMul', in: ['v', 'keys'], out: ['product'] },
  ...softmaxOf('product'),
  { op: 'Reshape', in: ['weighted', 'dims'], out: ['y'] },
];

async function imported(nodes: readonly NodeInput[], initializers = INITIALIZERS): Promise<[Graph, Uint8Array]> {
  const inputs = { x: ['batch', 'length', WIDTH], mask: ['batch', 'length'] };
  const bytes = modelBytes({ inputs, initializers, nodes, outputs: ['y'] });
  return [await importOnnx(bytes), bytes];
}

const opsOf = (graph: Graph) => [...graph.nodes()].map(({ op }) => op);

describe('fuseScaledDotProduct', () => {
  it('makes one op of attention over batch and heads in one dim, for every batch and length', async () => {
    const [graph, bytes] = await imported(MERGED, [...INITIALIZERS, ints('eachHead', [1, HEADS, 1, 1])]);
    expect(opsOf(graph).filter((op) => /^onnx|softmax|matmul/.test(op))).toEqual([]);
    expect(opsOf(graph)).toContain('aten::scaled_dot_product_attention');
    expect(coverage(graph).rows.map(({ reason }) => reason)).toContain(
      'attention over heads that lie apart has no int8 form; not counted, as its dims vary by run',
    );
    const again = await importOnnx(encodeOnnx(graph));
    for (const [batch, length] of [
      [2, 3],
      [3, 7],
    ] as const) {
      const feeds = { x: floats([batch, length, WIDTH], 1), mask: floats([batch, length], 2) };
      const [y, theirs] = [graph.run(feeds).y, (await runInOrt(bytes, feeds)).y];
      expect(y?.raw.dims).toEqual(theirs?.raw.dims);
      y?.raw.data.forEach((value, i) => {
        expect(value).toBeCloseTo(Number(theirs?.raw.data[i]), 5);
      });
      expect(again.run(feeds).y?.raw.data).toEqual(y?.raw.data);
    }
  });

  it('leaves a product alone whose keys nothing transposes', async () => {
    const keys = tensorProto('keys', [1, 1, WIDTH, 5], [...floats([WIDTH * 5], 4).raw.data]);
    const [graph] = await imported(NO_TRANSPOSE, [...INITIALIZERS, keys]);
    expect(opsOf(graph)).toContain('aten::softmax');
  });
});
