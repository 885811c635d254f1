import type { Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { coverage, type Graph, importOnnx } from '../../src/index.js';
import type { TensorProto } from '../../src/onnx/gen/onnx_pb.js';
import { floats } from '../models.js';
import { modelBytes, type NodeInput, tensorProto } from './build-model.js';
import { runInOrt } from './ort.js';
import { generator } from './qdq-builder.js';

const UINT4 = 21;
const INT4 = 22;
const INT8 = 3;
const [WIDTH, OUT, BLOCK] = [20, 6, 8];
const BLOCKS = Math.ceil(WIDTH / BLOCK);
const random = generator(5);

/** Codes of any bits; those of 4 two in a byte. */
function codes(name: string, dims: readonly number[], type: number): TensorProto {
  const count = dims.reduce((a, b) => a * b, 1);
  const bytes = Math.ceil(count / (type === INT8 ? 1 : 2));
  const values = Array.from({ length: bytes }, () => Math.floor(random() * 256) - (type === INT8 ? 128 : 0));
  return tensorProto(name, dims, values, type);
}

interface Form {
  readonly type: number;
  /** [out, in] instead of [in, out]. */
  readonly turned?: boolean;
  readonly zeros?: boolean;
  /** Along the outputs. */
  readonly across?: boolean;
  readonly product?: 'MatMul' | 'Gemm' | 'Transpose';
}

function modelOf({ type, turned = false, zeros = true, across = false, product = 'MatMul' }: Form): Uint8Array {
  const dims = turned ? [OUT, WIDTH] : [WIDTH, OUT];
  const axis = turned === across ? 0 : 1;
  const blocks = dims.map((dim, i) => (i === axis ? Math.ceil(dim / BLOCK) : dim));
  const count = blocks.reduce((a, b) => a * b, 1);
  const nodes: NodeInput[] = [
    {
      op: 'DequantizeLinear',
      in: ['codes', 'scales', ...(zeros ? ['zeros'] : [])],
      out: ['weight'],
      attrs: { axis, block_size: BLOCK },
    },
    ...(product === 'Transpose' ? [{ op: 'Transpose', in: ['weight'], out: ['right'], attrs: { perm: [1, 0] } }] : []),
    product === 'Gemm'
      ? { op: 'Gemm', name: '/fc/Gemm', in: ['x', 'weight', 'bias'], out: ['y'], attrs: { transB: Number(turned) } }
      : { op: 'MatMul', name: '/fc/MatMul', in: ['x', product === 'MatMul' ? 'weight' : 'right'], out: ['y'] },
  ];
  const initializers = [
    codes('codes', dims, type),
    codes('zeros', blocks, type),
    tensorProto(
      'scales',
      blocks,
      Array.from({ length: count }, () => Math.fround(0.01 + random() * 0.1)),
    ),
    tensorProto('bias', [OUT], [1, 2, 3, 4, 5, 6]),
  ];
  return modelBytes({ inputs: { x: ['batch', WIDTH] }, initializers, nodes, outputs: ['y'] }, 21);
}

/** As close to ONNX Runtime as sums of 20 terms in another order are. */
async function imported(bytes: Uint8Array): Promise<Graph> {
  const graph = await importOnnx(bytes);
  const x = floats([3, WIDTH], 1);
  const [y, theirs] = [graph.run({ x }).y as Tensor, (await runInOrt(bytes, { x })).y as Tensor];
  expect(y.raw.dims).toEqual(theirs.raw.dims);
  y.raw.data.forEach((value, i) => {
    expect(value).toBeCloseTo(Number(theirs.raw.data[i]), 4);
  });
  return graph;
}

const opsOf = (graph: Graph) => [...graph.nodes()].map(({ op }) => op).filter((op) => !op.startsWith('prim::'));

describe('DequantizeLinear over blocks of a constant weight', () => {
  it.each<[string, Form, number]>([
    ['INT4', { type: INT4 }, 4],
    ['INT4 without zero points', { type: INT4, zeros: false }, 4],
    ['UINT4', { type: UINT4 }, 4],
    ['UINT4 for the transpose', { type: UINT4, turned: true, product: 'Transpose' }, 4],
    ['INT4 for a Gemm with bias', { type: INT4, turned: true, product: 'Gemm' }, 4],
    ['UINT4 for a Gemm with bias', { type: UINT4, product: 'Gemm' }, 4],
    ['INT8', { type: INT8 }, 8],
  ])('of %s is a weight-only linear', async (_, form, bits) => {
    const graph = await imported(modelOf(form));
    expect([graph.stage, opsOf(graph)]).toEqual(['quantized', ['octavo::linear_weight_only']]);
    expect(coverage(graph).rows.map(({ path, reason }) => [path, reason])).toEqual([
      ['fc', `weight of ${bits} bits in the ONNX file`],
    ]);
  });

  it('is a float weight where the blocks lie along the outputs', async () => {
    const graph = await imported(modelOf({ type: INT4, across: true }));
    expect([graph.stage, opsOf(graph)]).toEqual(['float', ['aten::linear']]);
    expect(graph.parameters.get('fc.weight')).toBeDefined();
  });

  it('is a float table where rows are looked up', async () => {
    const table = [codes('codes', [OUT, WIDTH], UINT4), tensorProto('scales', [OUT, BLOCKS], Array(18).fill(0.5))];
    const nodes: NodeInput[] = [
      { op: 'DequantizeLinear', in: ['codes', 'scales'], out: ['table'], attrs: { axis: 1, block_size: BLOCK } },
      { op: 'Cast', in: ['x'], out: ['ids'], attrs: { to: 7 } },
      { op: 'Gather', in: ['table', 'ids'], out: ['y'] },
    ];
    const graph = await importOnnx(
      modelBytes({ inputs: { x: ['count'] }, initializers: table, nodes, outputs: ['y'] }, 21),
    );
    expect(opsOf(graph)).toEqual(['aten::to', 'octavo::take']);
  });
});

it('the transpose of a constant matrix makes a linear, however large it is', async () => {
  const [out, width] = [300, 100];
  const nodes: NodeInput[] = [
    { op: 'Transpose', in: ['table'], out: ['right'], attrs: { perm: [1, 0] } },
    { op: 'MatMul', name: '/head/MatMul', in: ['x', 'right'], out: ['y'] },
  ];
  const initializers = [tensorProto('table', [out, width], [...floats([out, width], 3).raw.data])];
  const graph = await importOnnx(modelBytes({ inputs: { x: ['n', width] }, initializers, nodes, outputs: ['y'] }));
  expect(opsOf(graph)).toEqual(['aten::linear']);
});
