import { Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { coverage, importOnnx } from '../../src/index.js';
import type { TensorProto } from '../../src/onnx/gen/onnx_pb.js';
import { floats } from '../models.js';
import { modelBytes, type NodeInput, tensorProto } from './build-model.js';
import { runInOrt } from './ort.js';
import { generator, UINT8 } from './qdq-builder.js';

const INT32 = 6;
const MS = 'com.microsoft';
const random = generator(11);
const values = (count: number, scale = 1): number[] =>
  Array.from({ length: count }, () => Math.fround((random() * 2 - 1) * scale));
const table = (name: string, dims: number[], scale = 1): TensorProto =>
  tensorProto(
    name,
    dims,
    values(
      dims.reduce((a, b) => a * b, 1),
      scale,
    ),
  );

interface Model {
  inputs: Record<string, (number | string)[]>;
  types?: Record<string, number>;
  initializers: TensorProto[];
  nodes: NodeInput[];
  outputs: string[];
}

/** Imports a model and runs it; its outputs lie as close to ONNX Runtime's as some roundings of float32 allow. */
async function likeOrt(model: Model, feeds: Record<string, Tensor>) {
  const bytes = modelBytes(model);
  const graph = await importOnnx(bytes);
  const [got, expected] = [graph.run(feeds), await runInOrt(bytes, feeds)];
  for (const [name, { raw }] of Object.entries(expected)) {
    expect(got[name]?.dims).toEqual(raw.dims);
    Array.from(raw.data as Float32Array, Number).forEach((value, i) => {
      expect(Number(got[name]?.data[i])).toBeCloseTo(value, 5);
    });
  }
  return graph;
}

const ids = (rows: number[][]): Tensor => Tensor.from(rows, { dtype: 'int32' });
const TOKENS = {
  ids: ids([
    [1, 2, 3],
    [4, 0, 0],
  ]),
  segments: ids([
    [0, 0, 1],
    [1, 1, 0],
  ]),
  mask: ids([
    [1, 1, 1],
    [1, 0, 0],
  ]),
};
const TOKEN_INPUTS = { ids: ['b', 'l'], segments: ['b', 'l'], mask: ['b', 'l'] };
const TOKEN_TYPES = { ids: INT32, segments: INT32, mask: INT32 };

describe("operators of ONNX Runtime's transformer optimizer", () => {
  it('EmbedLayerNormalization gives the norm and the lengths of a mask', async () => {
    await likeOrt(
      {
        inputs: TOKEN_INPUTS,
        types: TOKEN_TYPES,
        initializers: [
          table('words', [5, 4]),
          table('places', [3, 4]),
          table('kinds', [2, 4]),
          table('gamma', [4]),
          table('beta', [4]),
        ],
        nodes: [
          {
            op: 'EmbedLayerNormalization',
            in: ['ids', 'segments', 'words', 'places', 'kinds', 'gamma', 'beta', 'mask'],
            out: ['y', 'lengths'],
            domain: MS,
            attrs: { epsilon: { float: 1e-12 } },
          },
        ],
        outputs: ['y', 'lengths'],
      },
      TOKENS,
    );
  });

  it('QEmbedLayerNormalization keeps its tables as codes', async () => {
    const codes = (name: string, dims: number[]): TensorProto =>
      tensorProto(
        name,
        dims,
        values(
          dims.reduce((a, b) => a * b, 1),
          127,
        ).map((x) => Math.round(x) + 128),
        UINT8,
      );
    const names = ['words', 'places', 'kinds', 'gamma', 'beta'];
    const graph = await likeOrt(
      {
        inputs: TOKEN_INPUTS,
        types: TOKEN_TYPES,
        initializers: [
          codes('words', [5, 4]),
          codes('places', [3, 4]),
          codes('kinds', [2, 4]),
          codes('gamma', [4]),
          codes('beta', [4]),
          ...names.map((name) => tensorProto(`${name}_scale`, [], [0.01])),
          ...names.map((name) => tensorProto(`${name}_zero`, [], [128], UINT8)),
        ],
        nodes: [
          {
            op: 'QEmbedLayerNormalization',
            in: [
              'ids',
              'segments',
              ...names,
              'mask',
              ...names.map((n) => `${n}_scale`),
              ...names.map((n) => `${n}_zero`),
            ],
            out: ['y', 'lengths'],
            domain: MS,
            attrs: { epsilon: { float: 1e-12 } },
          },
        ],
        outputs: ['y', 'lengths'],
      },
      TOKENS,
    );
    expect(
      [...graph.parameters].filter(
        ([, value]) => Tensor.is(value) && value.type === 'float32' && value.dims.length > 1,
      ),
    ).toEqual([]);
  });

  it('norms of sums, with the sum as an output', async () => {
    await likeOrt(
      {
        inputs: { x: ['b', 'l', 4], skip: ['b', 'l', 4] },
        initializers: [table('gamma', [4]), table('beta', [4]), table('bias', [4])],
        nodes: [
          {
            op: 'SkipLayerNormalization',
            in: ['x', 'skip', 'gamma', 'beta', 'bias'],
            out: ['layer', '', '', 'sum'],
            domain: MS,
            attrs: { epsilon: { float: 1e-5 } },
          },
          {
            op: 'SkipSimplifiedLayerNormalization',
            in: ['sum', 'layer', 'gamma'],
            out: ['rms'],
            domain: MS,
            attrs: { epsilon: { float: 1e-6 } },
          },
        ],
        outputs: ['layer', 'sum', 'rms'],
      },
      { x: floats([2, 3, 4], 1), skip: floats([2, 3, 4], 2) },
    );
  });

  it('BiasGelu, FastGelu and QuickGelu', async () => {
    await likeOrt(
      {
        inputs: { x: ['b', 4] },
        initializers: [table('bias', [4])],
        nodes: [
          { op: 'BiasGelu', in: ['x', 'bias'], out: ['a'], domain: MS },
          { op: 'FastGelu', in: ['x', 'bias'], out: ['b'], domain: MS },
          { op: 'FastGelu', in: ['x'], out: ['c'], domain: MS },
          { op: 'QuickGelu', in: ['x'], out: ['d'], domain: MS },
        ],
        outputs: ['a', 'b', 'c', 'd'],
      },
      { x: floats([3, 4], 1) },
    );
  });
});

describe('MatMulNBits', () => {
  const [columns, out, size] = [40, 3, 16];
  const blocks = Math.ceil(columns / size);

  it.each([
    [4, true],
    [4, false],
    [8, true],
  ])('of %i bits, with zero points: %s, is a weight-only linear', async (bits, hasZeros) => {
    const bytes = (count: number): number[] => Array.from({ length: count }, () => Math.floor(random() * 256));
    const zeroBytes = Math.ceil((blocks * bits) / 8);
    const graph = await likeOrt(
      {
        inputs: { x: ['b', columns] },
        initializers: [
          tensorProto('codes', [out, blocks, (size * bits) / 8], bytes((out * blocks * size * bits) / 8), UINT8),
          tensorProto('scales', [out, blocks], values(out * blocks, 0.01)),
          tensorProto('zeros', [out, zeroBytes], bytes(out * zeroBytes), UINT8),
          tensorProto('bias', [out], values(out)),
        ],
        nodes: [
          {
            op: 'MatMulNBits',
            name: '/fc/MatMul',
            in: ['x', 'codes', 'scales', ...(hasZeros ? ['zeros'] : [])],
            out: ['product'],
            domain: MS,
            attrs: { K: columns, N: out, bits, block_size: size },
          },
          { op: 'Add', in: ['product', 'bias'], out: ['y'] },
        ],
        outputs: ['y'],
      },
      { x: floats([2, columns], 1) },
    );
    const ops = [...graph.nodes()].map(({ op }) => op).filter((op) => !op.startsWith('prim::'));
    expect([graph.stage, ops]).toEqual(['quantized', ['octavo::linear_weight_only']]);
    expect(coverage(graph).rows.map(({ path, reason }) => [path, reason])).toEqual([
      ['fc', `weight of ${bits} bits in the ONNX file`],
    ]);
  });
});
