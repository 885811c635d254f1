import { perRowDynamicQConfig } from '@octavo/observers';
import { expect, it } from 'vitest';
import { importOnnx, quantizeDynamic } from '../../src/index.js';
import { encodeOnnx } from '../../src/onnx/export/written-model.js';
import { floats } from '../models.js';
import { modelBytes, type NodeInput, tensorProto } from './build-model.js';
import { runInOrt } from './ort.js';

const INT64 = 7;
const ints = (name: string, values: readonly number[]) => tensorProto(name, [values.length], values, INT64);
const HEADS = 4;
const KEY_HEADS = 2;
const D = 8;
const WIDTH = HEADS * D;

const weight = (name: string, columns: number, seed: number) =>
  tensorProto(name, [WIDTH, columns], [...floats([WIDTH, columns], seed).raw.data]);

/** x heads in halves: x cos + (-second half, first half) sin. */
function rotated(x: string, out: string): NodeInput[] {
  return [
    { op: 'Slice', in: [x, 'n0', 'half', 'minus'], out: [`${out}.first`] },
    { op: 'Slice', in: [x, 'half', 'end', 'minus'], out: [`${out}.second`] },
    { op: 'Neg', in: [`${out}.second`], out: [`${out}.negative`] },
    { op: 'Concat', in: [`${out}.negative`, `${out}.first`], out: [`${out}.turned`], attrs: { axis: -1 } },
    { op: 'Mul', in: [x, 'cos'], out: [`${out}.cos`] },
    { op: 'Mul', in: [`${out}.turned`, 'sin'], out: [`${out}.sin`] },
    { op: 'Add', in: [`${out}.cos`, `${out}.sin`], out: [out] },
  ];
}

/** x [batch, length, width] projected and split: [batch, heads, length, d]. */
function heads(x: string, columns: string, dims: string, out: string): NodeInput[] {
  return [
    { op: 'MatMul', in: [x, columns], out: [`${out}.flat`], name: `/attn/${out}/MatMul` },
    { op: 'Reshape', in: [`${out}.flat`, dims], out: [`${out}.split`] },
    { op: 'Transpose', in: [`${out}.split`], out: [out], attrs: { perm: [0, 2, 1, 3] } },
  ];
}

/** Each head of keys or values for two heads of queries, as transformers' `repeat_kv` is exported. */
function repeated(x: string, out: string): NodeInput[] {
  return [
    { op: 'Unsqueeze', in: [x, 'n2'], out: [`${out}.one`] },
    { op: 'Expand', in: [`${out}.one`, 'groups'], out: [`${out}.each`] },
    { op: 'Reshape', in: [`${out}.each`, 'ungrouped'], out: [out] },
  ];
}

/** One attention of LLaMA over x [batch, length, 32]: rotary embeddings, grouped queries, a causal mask. */
const LLAMA = modelBytes({
  inputs: { x: ['batch', 'length', WIDTH] },
  initializers: [
    tensorProto('i0', [], [0], INT64),
    tensorProto('i1', [], [1], INT64),
    ints('n0', [0]),
    ints('n1', [1]),
    ints('n2', [2]),
    ints('minus', [-1]),
    ints('half', [D / 2]),
    ints('end', [2 ** 40]),
    ints('keyHeads', [KEY_HEADS]),
    ints('heads', [HEADS]),
    ints('d', [D]),
    ints('qDims', [0, 0, HEADS, D]),
    ints('kDims', [0, 0, KEY_HEADS, D]),
    ints('merged', [0, 0, WIDTH]),
    tensorProto('frequencies', [D / 2], [1, 0.1, 0.01, 0.001]),
    tensorProto('scale', [], [1 / Math.sqrt(D)]),
    tensorProto('zero', [], [0]),
    tensorProto('low', [], [-3.4028234663852886e38]),
    weight('wq', WIDTH, 1),
    weight('wk', KEY_HEADS * D, 2),
    weight('wv', KEY_HEADS * D, 3),
    weight('wo', WIDTH, 4),
  ],
  nodes: [
    { op: 'Shape', in: ['x'], out: ['shape'] },
    { op: 'Gather', in: ['shape', 'i0'], out: ['batch0'] },
    { op: 'Gather', in: ['shape', 'i1'], out: ['length0'] },
    { op: 'Unsqueeze', in: ['batch0', 'n0'], out: ['batch'] },
    { op: 'Unsqueeze', in: ['length0', 'n0'], out: ['length'] },
    { op: 'Range', in: ['i0', 'length0', 'i1'], out: ['places'] },
    { op: 'Unsqueeze', in: ['places', 'n1'], out: ['queries'] },
    { op: 'Cast', in: ['queries'], out: ['angles.place'], attrs: { to: 1 } },
    { op: 'Mul', in: ['angles.place', 'frequencies'], out: ['angles.half'] },
    { op: 'Concat', in: ['angles.half', 'angles.half'], out: ['angles'], attrs: { axis: -1 } },
    { op: 'Cos', in: ['angles'], out: ['cos'] },
    { op: 'Sin', in: ['angles'], out: ['sin'] },
    ...heads('x', 'wq', 'qDims', 'q0'),
    ...heads('x', 'wk', 'kDims', 'k0'),
    ...heads('x', 'wv', 'kDims', 'v0'),
    ...rotated('q0', 'q'),
    ...rotated('k0', 'k1'),
    { op: 'Concat', in: ['batch', 'keyHeads', 'n2', 'length', 'd'], out: ['groups'], attrs: { axis: 0 } },
    { op: 'Concat', in: ['batch', 'heads', 'length', 'd'], out: ['ungrouped'], attrs: { axis: 0 } },
    ...repeated('k1', 'k'),
    ...repeated('v0', 'v'),
    { op: 'Transpose', in: ['k'], out: ['kT'], attrs: { perm: [0, 1, 3, 2] } },
    { op: 'MatMul', in: ['q', 'kT'], out: ['product'] },
    { op: 'Mul', in: ['product', 'scale'], out: ['scores'] },
    { op: 'LessOrEqual', in: ['places', 'queries'], out: ['seen'] },
    { op: 'Where', in: ['seen', 'zero', 'low'], out: ['mask'] },
    { op: 'Add', in: ['scores', 'mask'], out: ['masked'] },
    { op: 'Softmax', in: ['masked'], out: ['weights'], attrs: { axis: -1 } },
    { op: 'MatMul', in: ['weights', 'v'], out: ['weighted'] },
    { op: 'Transpose', in: ['weighted'], out: ['byPlace'], attrs: { perm: [0, 2, 1, 3] } },
    { op: 'Reshape', in: ['byPlace', 'merged'], out: ['context'] },
    { op: 'MatMul', in: ['context', 'wo'], out: ['y'], name: '/attn/o/MatMul' },
  ],
  outputs: ['y'],
});

it("LLaMA's attention serves every batch and length, and its linears become int8", async () => {
  const graph = await importOnnx(LLAMA);
  expect([...graph.nodes()].filter(({ op }) => op.startsWith('onnx::') || op === 'aten::softmax')).toEqual([]);
  const attention = [...graph.nodes()].find(({ op }) => op === 'aten::scaled_dot_product_attention');
  expect(attention?.attrs.groups).toBe(HEADS / KEY_HEADS);
  const quantized = quantizeDynamic(graph, { '': perRowDynamicQConfig });
  expect([...quantized.nodes()].filter(({ op }) => op === 'quantized::linear_dynamic')).toHaveLength(4);
  const again = await importOnnx(encodeOnnx(graph));
  for (const [batch, length] of [
    [2, 5],
    [1, 11],
  ]) {
    const x = floats([batch as number, length as number, WIDTH], 9);
    const y = graph.run({ x }).y;
    const theirs = (await runInOrt(LLAMA, { x })).y;
    expect(y?.raw.dims).toEqual(theirs?.raw.dims);
    // Sums of 32 terms of size 1 in another order.
    y?.raw.data.forEach((value, i) => {
      expect(value).toBeCloseTo(Number(theirs?.raw.data[i]), 4);
    });
    expect(again.run({ x }).y?.raw.data).toEqual(y?.raw.data);
  }
});
