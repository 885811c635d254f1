import { Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { type Graph, importOnnx } from '../../src/index.js';
import { encodeOnnx } from '../../src/onnx/export/written-model.js';
import { floats } from '../models.js';
import { modelBytes, type NodeInput, tensorProto } from './build-model.js';
import { runInOrt } from './ort.js';

const INT64 = 7;
const ints = (name: string, values: readonly number[]) => tensorProto(name, [values.length], values, INT64);

/** Constants that the models share. */
const NUMBERS = [
  tensorProto('i0', [], [0], INT64),
  tensorProto('i1', [], [1], INT64),
  ints('n0', [0]),
  ints('n1', [1]),
  ints('n3', [3]),
  ints('n4', [4]),
  ints('minus', [-1]),
  ints('minuses', [-1, -1, -1]),
  ints('ones', [1, 1, 1]),
  ints('joined', [-1, 4]),
];

/** Nodes that give the dims [batch] and [length] of x as tensors of one element. */
const DIMS: NodeInput[] = [
  { op: 'Shape', in: ['x'], out: ['shape'] },
  { op: 'Gather', in: ['shape', 'i0'], out: ['batch0'] },
  { op: 'Gather', in: ['shape', 'i1'], out: ['length0'] },
  { op: 'Unsqueeze', in: ['batch0', 'n0'], out: ['batch'] },
  { op: 'Unsqueeze', in: ['length0', 'n0'], out: ['length'] },
];

/** A model over x [batch, length, 4]; none of its nodes may wait for the dims of a run. */
async function imported(nodes: readonly NodeInput[], initializers = NUMBERS): Promise<Graph> {
  const graph = await importOnnx(
    modelBytes({ inputs: { x: ['batch', 'length', 4] }, initializers, nodes: [...DIMS, ...nodes], outputs: ['y'] }),
  );
  expect([...graph.nodes()].filter(({ op }) => op.startsWith('onnx::')).map(({ op }) => op)).toEqual([]);
  return graph;
}

const run = (graph: Graph, x: Tensor) => graph.run({ x }).y as Tensor;

describe('shapes that a model computes from dynamic dims', () => {
  it('repeat a token for each image, by the -1 that keeps a dim', async () => {
    const graph = await imported(
      [
        { op: 'Concat', in: ['batch', 'minus', 'minus'], out: ['asked'], attrs: { axis: 0 } },
        { op: 'Equal', in: ['asked', 'minuses'], out: ['keeps'] },
        { op: 'Where', in: ['keeps', 'ones', 'asked'], out: ['wanted'] },
        { op: 'Expand', in: ['token', 'wanted'], out: ['tokens'] },
        { op: 'Concat', in: ['tokens', 'x'], out: ['y'], attrs: { axis: 1 } },
      ],
      [...NUMBERS, tensorProto('token', [1, 1, 4], [1, 2, 3, 4])],
    );
    expect(run(graph, Tensor.zeros([2, 1, 4])).toArray()).toEqual([
      [
        [1, 2, 3, 4],
        [0, 0, 0, 0],
      ],
      [
        [1, 2, 3, 4],
        [0, 0, 0, 0],
      ],
    ]);
    expect(run(graph, Tensor.zeros([3, 2, 4])).dims).toEqual([3, 3, 4]);
  });

  it('fill a tensor, count from a number, and are numbers themselves', async () => {
    const graph = await imported([
      { op: 'Concat', in: ['batch', 'length'], out: ['wanted'], attrs: { axis: 0 } },
      { op: 'ConstantOfShape', in: ['wanted'], out: ['zeros'] },
      { op: 'Range', in: ['i1', 'length0', 'i1'], out: ['from1'] },
      { op: 'ReduceSum', in: ['from1'], out: ['sum'], attrs: { keepdims: 0 } },
      { op: 'Mul', in: ['sum', 'batch0'], out: ['product'] },
      { op: 'Cast', in: ['product'], out: ['float'], attrs: { to: 1 } },
      { op: 'Add', in: ['zeros', 'float'], out: ['y'] },
    ]);
    expect(run(graph, Tensor.zeros([2, 4, 4])).toArray()).toEqual([
      [12, 12, 12, 12],
      [12, 12, 12, 12],
    ]);
  });

  it('split what was joined, with the dims of another tensor', async () => {
    const graph = await imported([
      { op: 'Reshape', in: ['x', 'joined'], out: ['rows'] },
      { op: 'Relu', in: ['rows'], out: ['positive'] },
      { op: 'Concat', in: ['batch', 'length', 'minus'], out: ['wanted'], attrs: { axis: 0 } },
      { op: 'Reshape', in: ['positive', 'wanted'], out: ['y'] },
    ]);
    const x = floats([2, 3, 4]);
    expect(run(graph, x).toArray()).toEqual(
      (x.toArray() as number[][][]).map((rows) => rows.map((row) => row.map((value) => Math.max(value, 0)))),
    );
  });

  it('vanish around a linear: rows joined and split again', async () => {
    const graph = await imported(
      [
        { op: 'Reshape', in: ['x', 'joined'], out: ['rows'] },
        { op: 'Gemm', in: ['rows', 'weight', 'bias'], out: ['product'] },
        { op: 'Concat', in: ['batch', 'length', 'n3'], out: ['wanted'], attrs: { axis: 0 } },
        { op: 'Reshape', in: ['product', 'wanted'], out: ['y'] },
      ],
      [
        ...NUMBERS,
        tensorProto('weight', [4, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        tensorProto('bias', [3], [1, 2, 3]),
      ],
    );
    expect([...graph.nodes()].map(({ op }) => op).filter((op) => !op.startsWith('prim::'))).toEqual(['aten::linear']);
    expect(
      run(
        graph,
        Tensor.from([
          [
            [1, 0, 0, 0],
            [0, 1, 0, 0],
          ],
        ]),
      ).toArray(),
    ).toEqual([
      [
        [2, 4, 6],
        [5, 7, 9],
      ],
    ]);
  });

  it('cut windows of a batch and count the images again', async () => {
    const graph = await imported(
      [
        { op: 'Concat', in: ['batch', 'n3', 'n4', 'n4'], out: ['cut'], attrs: { axis: 0 } },
        { op: 'Reshape', in: ['x', 'cut'], out: ['parts'] },
        { op: 'Reshape', in: ['parts', 'window'], out: ['windows'] },
        { op: 'Shape', in: ['windows'], out: ['windowDims'] },
        { op: 'Gather', in: ['windowDims', 'i0'], out: ['count'] },
        { op: 'Div', in: ['count', 'i3'], out: ['images'] },
        { op: 'Unsqueeze', in: ['images', 'n0'], out: ['images1'] },
        { op: 'Concat', in: ['images1', 'n1', 'n1'], out: ['perImage'], attrs: { axis: 0 } },
        { op: 'Expand', in: ['masks', 'perImage'], out: ['masked'] },
        { op: 'Reshape', in: ['masked', 'joined'], out: ['rows'] },
        { op: 'Unsqueeze', in: ['rows', 'n1'], out: ['row'] },
        { op: 'Add', in: ['windows', 'row'], out: ['y'] },
      ],
      [
        ...NUMBERS,
        tensorProto('i3', [], [3], INT64),
        ints('window', [-1, 4, 4]),
        tensorProto(
          'masks',
          [1, 3, 4],
          Array.from({ length: 12 }, (_, i) => i),
        ),
      ],
    );
    const y = run(graph, Tensor.zeros([2, 12, 4]));
    expect(y.raw.dims).toEqual([6, 4, 4]);
    expect([0, 16, 32, 48].map((at) => y.data[at])).toEqual([0, 4, 8, 0]);
  });

  it('agree where a mask is divided by the batch and reshaped to it', async () => {
    // GPT-2, whose ids and mask need not have the same batch for all that the exporter knows.
    const mask = ['masks', 'keys'];
    const graph = await importOnnx(
      modelBytes({
        inputs: { x: ['batch', 'length', 4], mask },
        initializers: NUMBERS,
        nodes: [
          ...DIMS,
          { op: 'Shape', in: ['mask'], out: ['maskDims'] },
          { op: 'Gather', in: ['maskDims', 'i0'], out: ['maskBatch'] },
          { op: 'Gather', in: ['maskDims', 'i1'], out: ['maskLength'] },
          { op: 'Mul', in: ['maskLength', 'maskBatch'], out: ['elements'] },
          { op: 'Div', in: ['elements', 'batch0'], out: ['keys'] },
          { op: 'Concat', in: ['batch', 'minus'], out: ['byBatch'], attrs: { axis: 0 } },
          { op: 'Reshape', in: ['mask', 'byBatch'], out: ['rows'] },
          { op: 'Range', in: ['i0', 'keys', 'i1'], out: ['places'] },
          { op: 'Cast', in: ['places'], out: ['floats'], attrs: { to: 1 } },
          { op: 'Add', in: ['rows', 'floats'], out: ['y'] },
        ],
        outputs: ['y'],
      }),
    );
    expect([...graph.nodes()].filter(({ op }) => op.startsWith('onnx::'))).toEqual([]);
    const feeds = { x: Tensor.zeros([2, 1, 4]), mask: Tensor.zeros([2, 3]) };
    expect(graph.run(feeds).y?.toArray()).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });

  it('pad a dim of unknown size with one node', async () => {
    const graph = await imported(
      [{ op: 'Pad', in: ['x', 'pads', 'five'], out: ['y'] }],
      [...NUMBERS, ints('pads', [0, 1, 0, 0, 0, 0]), tensorProto('five', [], [5])],
    );
    expect(run(graph, Tensor.from([[[1, 2, 3, 4]]])).toArray()).toEqual([
      [
        [5, 5, 5, 5],
        [1, 2, 3, 4],
      ],
    ]);
  });
});

it('goes through ONNX again where not even ranks are known, with the same bits', async () => {
  const graph = await imported(
    [
      { op: 'Concat', in: ['batch', 'n1', 'n1'], out: ['asked'], attrs: { axis: 0 } },
      { op: 'Expand', in: ['token', 'asked'], out: ['tokens'] },
      { op: 'Concat', in: ['tokens', 'x'], out: ['longer'], attrs: { axis: 1 } },
      { op: 'Pad', in: ['longer', 'pads'], out: ['padded'] },
      { op: 'InstanceNormalization', in: ['padded', 'scale', 'bias'], out: ['normed'] },
      { op: 'Cast', in: ['shape'], out: ['numbers'], attrs: { to: 1 } },
      { op: 'ReduceSum', in: ['numbers'], out: ['sum'], attrs: { keepdims: 0 } },
      { op: 'Mul', in: ['normed', 'sum'], out: ['scaled'] },
      { op: 'Reshape', in: ['scaled', 'joined'], out: ['rows'] },
      { op: 'Relu', in: ['rows'], out: ['positive'] },
      { op: 'Shape', in: ['scaled'], out: ['wanted'] },
      { op: 'Reshape', in: ['positive', 'wanted'], out: ['y'] },
    ],
    [
      ...NUMBERS,
      tensorProto('token', [1, 1, 4], [1, 2, 3, 4]),
      ints('pads', [0, 0, 1, 0, 0, 3]),
      tensorProto('scale', [3], [1, 2, 3]),
      tensorProto('bias', [3], [0.5, 0, -0.5]),
    ],
  );
  const bytes = encodeOnnx(graph);
  const x = floats([2, 2, 4]);
  const expected = run(graph, x);
  expect(run(await importOnnx(bytes), x).toArray()).toEqual(expected.toArray());
  const { y } = await runInOrt(bytes, { x });
  // ONNX Runtime's instance norm sums in another order.
  (y as Tensor).data.forEach((value, i) => {
    expect(Number(value)).toBeCloseTo(Number(expected.data[i]), 4);
  });
});

describe('GatherND', () => {
  const gather = async (x: Tensor, indices: Tensor, batchDims: number): Promise<unknown> => {
    const graph = await importOnnx(
      modelBytes({
        inputs: {
          x: x.dims.map((_, i) => `d${i}`),
          indices: indices.dims.map((dim, i) => (i === indices.dims.length - 1 ? dim : `i${i}`)),
        },
        types: { indices: INT64 },
        nodes: [{ op: 'GatherND', in: ['x', 'indices'], out: ['y'], attrs: { batch_dims: batchDims } }],
        outputs: ['y'],
      }),
    );
    return graph.run({ x, indices }).y?.toArray();
  };
  const x = Tensor.from([
    [
      [0, 1],
      [2, 3],
    ],
    [
      [4, 5],
      [6, 7],
    ],
  ]);

  it('picks elements, negative places from the end', async () => {
    const indices = Tensor.from(
      [
        [0n, 0n, 1n],
        [1n, -1n, 0n],
      ],
      { dtype: 'int64' },
    );
    expect(await gather(x, indices, 0)).toEqual([1, 6]);
  });

  it('picks slices, and within each sample of a batch', async () => {
    expect(await gather(x, Tensor.from([[[0n, 1n]], [[1n, 0n]]], { dtype: 'int64' }), 0)).toEqual([[[2, 3]], [[4, 5]]]);
    expect(await gather(x, Tensor.from([[1n], [0n]], { dtype: 'int64' }), 1)).toEqual([
      [2, 3],
      [4, 5],
    ]);
  });
});

it('IsNaN, IsInf and PRelu', async () => {
  const graph = await importOnnx(
    modelBytes({
      inputs: { x: [4] },
      initializers: [tensorProto('slope', [1], [0.5]), tensorProto('minus', [], [-8])],
      nodes: [
        { op: 'IsNaN', in: ['x'], out: ['nan'] },
        { op: 'IsInf', in: ['x'], out: ['inf'], attrs: { detect_positive: 0 } },
        { op: 'Or', in: ['nan', 'inf'], out: ['odd'] },
        { op: 'Where', in: ['odd', 'minus', 'x'], out: ['tame'] },
        { op: 'PRelu', in: ['tame', 'slope'], out: ['y'] },
      ],
      outputs: ['y'],
    }),
  );
  const x = Tensor.from([Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -2]);
  expect(graph.run({ x }).y?.toArray()).toEqual([-4, -4, Number.POSITIVE_INFINITY, -1]);
});

it('a transpose that is written as that of a batch of matrices is one of the last two dims', async () => {
  const graph = await imported([
    { op: 'Unsqueeze', in: ['x', 'n1'], out: ['x4'] },
    { op: 'Concat', in: ['minus', 'length', 'n4'], out: ['matrices'], attrs: { axis: 0 } },
    { op: 'Reshape', in: ['x4', 'matrices'], out: ['flat'] },
    { op: 'Transpose', in: ['flat'], out: ['turned'], attrs: { perm: [0, 2, 1] } },
    { op: 'Concat', in: ['batch', 'n1', 'n4', 'length'], out: ['wanted'], attrs: { axis: 0 } },
    { op: 'Reshape', in: ['turned', 'wanted'], out: ['y'] },
  ]);
  expect([...graph.nodes()].map(({ op, attrs }) => [op, attrs.dims])).toEqual([
    ['aten::unsqueeze', undefined],
    ['aten::permute', [0, 1, 3, 2]],
  ]);
  expect(
    run(
      graph,
      Tensor.from([
        [
          [1, 2, 3, 4],
          [5, 6, 7, 8],
        ],
      ]),
    ).toArray(),
  ).toEqual([
    [
      [
        [1, 5],
        [2, 6],
        [3, 7],
        [4, 8],
      ],
    ],
  ]);
});

describe('ScatterND and ScatterElements', () => {
  const zeros = tensorProto('zeros', [2, 3], [0, 0, 0, 0, 0, 0]);
  const scatter = async (op: string, indices: ReturnType<typeof tensorProto>, dims: number[], attrs = {}) => {
    const graph = await importOnnx(
      modelBytes({
        inputs: { x: dims.map((_, i) => `d${i}`) },
        initializers: [zeros, indices],
        nodes: [{ op, in: ['zeros', indices.name, 'x'], out: ['y'], attrs }],
        outputs: ['y'],
      }),
    );
    return (values: number[]) => run(graph, new Tensor('float32', Float32Array.from(values), dims)).toArray();
  };

  it('write what a run says where constants say', async () => {
    const nd = await scatter('ScatterND', tensorProto('at', [2, 2], [0, 1, -1, 2], INT64), [2]);
    expect(nd([5, 6])).toEqual([
      [0, 5, 0],
      [0, 0, 6],
    ]);
    expect(nd([7, 8])).toEqual([
      [0, 7, 0],
      [0, 0, 8],
    ]);
    const rows = await scatter('ScatterND', tensorProto('row', [1, 1], [1], INT64), [1, 3]);
    expect(rows([1, 2, 3])).toEqual([
      [0, 0, 0],
      [1, 2, 3],
    ]);
    const elements = await scatter('ScatterElements', tensorProto('to', [2, 1], [2, 0], INT64), [2, 1], { axis: 1 });
    expect(elements([5, 6])).toEqual([
      [0, 0, 5],
      [6, 0, 0],
    ]);
  });
});
