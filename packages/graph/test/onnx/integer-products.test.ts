import { Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { type Graph, importOnnx } from '../../src/index.js';
import { bits, floats } from '../models.js';
import { modelBytes, type NodeInput, tensorProto } from './build-model.js';
import { nativeForm, withNative } from './native-form.js';
import { runInOrt } from './ort.js';
import { type CodesType, generator, INT8, UINT8 } from './qdq-builder.js';
import { largestDifference } from './shared-models.js';

const [BATCH, LENGTH, WIDTH, HEADS] = [3, 5, 8, 2];

interface Form {
  readonly columns: number;
  readonly type: CodesType;
  readonly perColumn: boolean;
  /** Ranges of x at run time, or a constant one. */
  readonly dynamic: boolean;
  readonly mask?: 'lengths' | 'raw';
}

/** `node` over codes of x [batch, length, 8]: its operands by name. */
function model({ columns, type, perColumn, dynamic, mask }: Form, node: Omit<NodeInput, 'out' | 'domain'>): Uint8Array {
  const random = generator(9);
  const codes = Array.from({ length: WIDTH * columns }, () => Math.floor(random() * 255) - (type === INT8 ? 127 : 0));
  const count = perColumn ? columns : 1;
  const lay = perColumn ? [columns] : [];
  const zero = type === INT8 ? 0 : 127;
  return modelBytes({
    inputs: {
      x: ['batch', 'length', WIDTH],
      ...(mask === 'lengths' && { mask: ['batch'] }),
      ...(mask === 'raw' && { mask: ['batch', 'length'] }),
    },
    types: { mask: 6 },
    initializers: [
      tensorProto('w', [WIDTH, columns], codes, type),
      tensorProto(
        'ws',
        lay,
        Array.from({ length: count }, () => Math.fround(0.004 + 0.004 * random())),
      ),
      tensorProto(
        'wz',
        lay,
        Array.from({ length: count }, () => zero),
        type,
      ),
      tensorProto(
        'b',
        [columns],
        Array.from({ length: columns }, () => random() - 0.5),
      ),
      ...(dynamic ? [] : [tensorProto('xs', [], [0.02]), tensorProto('xz', [], [100], UINT8)]),
    ],
    nodes: [
      dynamic
        ? { op: 'DynamicQuantizeLinear', in: ['x'], out: ['c', 'xs', 'xz'] }
        : { op: 'QuantizeLinear', in: ['x', 'xs', 'xz'], out: ['c'] },
      { ...node, out: ['y'], domain: 'com.microsoft' },
    ],
    outputs: ['y'],
  });
}

const qattention = (mask?: Form['mask']): Omit<NodeInput, 'out' | 'domain'> => ({
  op: 'QAttention',
  in: ['c', 'w', 'b', 'xs', 'ws', mask === undefined ? '' : 'mask', 'xz', 'wz'],
  attrs: { num_heads: HEADS },
});

function feedsOf(mask?: Form['mask']): Record<string, Tensor> {
  const x = floats([BATCH, LENGTH, WIDTH], 2);
  if (mask === undefined) return { x };
  const lengths = [5, 2, 3];
  if (mask === 'lengths') return { x, mask: new Tensor('int32', Int32Array.from(lengths), [BATCH]) };
  const kept = Int32Array.from({ length: BATCH * LENGTH }, (_, i) =>
    Number(i % LENGTH < (lengths[Math.floor(i / LENGTH)] ?? 0)),
  );
  return { x, mask: new Tensor('int32', kept, [BATCH, LENGTH]) };
}

async function compare(file: Uint8Array, feeds: Record<string, Tensor>): Promise<Graph> {
  const graph = await importOnnx(file);
  const [got, expected] = [graph.run(feeds), await runInOrt(file, feeds)];
  // Sums are exact; the bias is added in one rounding less, and softmax's exp is another polynomial: of values around 2.
  expect(largestDifference(got.y, expected.y)).toBeLessThan(2 ** -19);
  if (withNative === null) return graph;
  const { referenceOps, outputs } = nativeForm(graph, feeds);
  expect(referenceOps).toEqual([]);
  expect(bits(outputs.y)).toEqual(bits(got.y));
  return graph;
}

const opsOf = (graph: Graph): string[] =>
  [...graph.nodes()].map(({ op }) => op).filter((op) => !op.startsWith('prim::'));

describe('QAttention', () => {
  const columns = 3 * WIDTH;
  it.each<[string, Form]>([
    ['int8 weights, a range at run time', { columns, type: INT8, perColumn: false, dynamic: true }],
    ['a scale a column, lengths', { columns, type: INT8, perColumn: true, dynamic: true, mask: 'lengths' }],
    ['uint8 weights, a mask of ones and zeros', { columns, type: UINT8, perColumn: false, dynamic: true, mask: 'raw' }],
    ['a constant range, lengths', { columns, type: INT8, perColumn: true, dynamic: false, mask: 'lengths' }],
  ])('%s: an int8 linear and attention, on native kernels', async (_, form) => {
    const ops = opsOf(await compare(model(form, qattention(form.mask)), feedsOf(form.mask)));
    expect(ops).toContain('octavo::multi_head_attention');
    expect(ops).toContain(form.dynamic ? 'quantized::linear_dynamic' : 'octavo::linear_quantized');
    expect(ops.filter((op) => /matmul|softmax/.test(op))).toEqual([]);
  });

  it.each([
    ['unidirectional', { attrs: { num_heads: HEADS, unidirectional: 1 } }],
    ['a past state', { in: ['c', 'w', 'b', 'xs', 'ws', '', 'xz', 'wz', 'x'] }],
  ] as const)('%s is refused by name', async (what, change) => {
    const file = model({ columns, type: INT8, perColumn: false, dynamic: true }, { ...qattention(), ...change });
    await expect(importOnnx(file)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining(what),
    });
  });
});

describe('products of codes with float results', () => {
  it.each<[string, Form]>([
    ['a range at run time', { columns: 6, type: INT8, perColumn: true, dynamic: true }],
    ['a constant range', { columns: 6, type: UINT8, perColumn: false, dynamic: false }],
  ])('MatMulIntegerToFloat of %s is one int8 linear', async (_, form) => {
    const node = { op: 'MatMulIntegerToFloat', in: ['c', 'w', 'xs', 'ws', 'xz', 'wz', 'b'] };
    const ops = opsOf(await compare(model(form, node), feedsOf()));
    expect(ops.at(-1)).toBe(form.dynamic ? 'quantized::linear_dynamic' : 'octavo::linear_quantized');
  });

  it('DynamicQuantizeMatMul is one int8 linear', async () => {
    const node = { op: 'DynamicQuantizeMatMul', in: ['x', 'w', 'ws', 'wz', 'b'] };
    const file = model({ columns: 6, type: INT8, perColumn: true, dynamic: true }, node);
    expect(opsOf(await compare(file, feedsOf()))).toEqual(['quantized::linear_dynamic']);
  });
});
