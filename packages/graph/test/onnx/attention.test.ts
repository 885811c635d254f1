import { Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { type Graph, importOnnx } from '../../src/index.js';
import { bits, floats } from '../models.js';
import { modelBytes, type NodeInput, tensorProto } from './build-model.js';
import { nativeForm, withNative } from './native-form.js';
import { runInOrt } from './ort.js';
import { type CodesType, generator, INT8, UINT8 } from './qdq-builder.js';
import { largestDifference } from './shared-models.js';

const [BATCH, LENGTH, WIDTH, HEADS, PAST] = [3, 5, 8, 2, 4];
const COLUMNS = 3 * WIDTH;

/** Masks: ends; ends and starts; ones and zeros of each key, or of each query and key. */
type Mask = 'ends' | 'ends and starts' | 'keys' | 'queries and keys';

interface Form {
  /** Types of the weight's codes; left out for the operator over floats. */
  readonly type?: CodesType;
  readonly perColumn?: boolean;
  /** Ranges of x at run time, or a constant one. */
  readonly dynamic?: boolean;
  readonly mask?: Mask;
  readonly past?: boolean;
  /** What is added to the scores. */
  readonly added?: boolean;
  readonly attrs?: NodeInput['attrs'];
}

const MASK_DIMS: Record<Mask, (string | number)[]> = {
  ends: ['batch'],
  'ends and starts': [2 * BATCH],
  keys: ['batch', 'keys'],
  'queries and keys': ['batch', 'length', 'keys'],
};

function model({ type, perColumn = false, dynamic = true, mask, past = false, added = false, attrs = {} }: Form) {
  const random = generator(9);
  const uniform = (count: number, low: number, high: number) =>
    Array.from({ length: count }, () => Math.fround(low + (high - low) * random()));
  const [count, lay] = perColumn ? [COLUMNS, [COLUMNS]] : [1, []];
  const zero = type === INT8 ? 0 : 127;
  const codes = uniform(WIDTH * COLUMNS, 0, 255).map((value) => Math.floor(value) - (type === INT8 ? 127 : 0));
  const isFloat = type === undefined;
  const weights = isFloat
    ? [tensorProto('w', [WIDTH, COLUMNS], uniform(WIDTH * COLUMNS, -1, 1))]
    : [
        tensorProto('w', [WIDTH, COLUMNS], codes, type),
        tensorProto('ws', lay, uniform(count, 0.004, 0.008)),
        tensorProto('wz', lay, new Array<number>(count).fill(zero), type),
        ...(dynamic ? [] : [tensorProto('xs', [], [0.02]), tensorProto('xz', [], [100], UINT8)]),
      ];
  const [maskName, pastName] = [mask === undefined ? '' : 'mask', past ? 'past' : ''];
  const node = isFloat
    ? { op: 'Attention', in: ['x', 'w', 'b', maskName, pastName, added ? 'added' : ''] }
    : { op: 'QAttention', in: ['c', 'w', 'b', 'xs', 'ws', maskName, 'xz', 'wz', pastName] };
  const quantize = dynamic
    ? { op: 'DynamicQuantizeLinear', in: ['x'], out: ['c', 'xs', 'xz'] }
    : { op: 'QuantizeLinear', in: ['x', 'xs', 'xz'], out: ['c'] };
  const out = past ? ['y', 'present'] : ['y'];
  return modelBytes({
    inputs: {
      x: mask === 'ends and starts' ? [BATCH, 'length', WIDTH] : ['batch', 'length', WIDTH],
      ...(mask !== undefined && { mask: MASK_DIMS[mask] }),
      ...(past && { past: [2, 'batch', HEADS, 'past', WIDTH / HEADS] }),
      ...(added && { added: ['batch', HEADS, 'length', 'keys'] }),
    },
    types: { mask: 6 },
    initializers: [...weights, tensorProto('b', [COLUMNS], uniform(COLUMNS, -0.5, 0.5))],
    nodes: [
      ...(isFloat ? [] : [quantize]),
      { ...node, out, domain: 'com.microsoft', attrs: { num_heads: HEADS, ...attrs } },
    ],
    outputs: out,
  });
}

function feedsOf({ mask, past = false, added = false }: Form): Record<string, Tensor> {
  const keys = LENGTH + (past ? PAST : 0);
  const [starts, ends] = [
    [0, 1, 2],
    [keys, 2, keys - 1],
  ];
  const kept = (queries: number) =>
    Int32Array.from({ length: BATCH * queries * keys }, (_, i) => {
      const [item, key] = [Math.floor(i / (queries * keys)), i % keys];
      return Number(key < (ends[item] ?? 0) && (key + Math.floor(i / keys)) % 4 !== 3);
    });
  const values: Record<Mask, Int32Array> = {
    ends: Int32Array.from(ends),
    'ends and starts': Int32Array.from([...ends, ...starts]),
    keys: kept(1),
    'queries and keys': kept(LENGTH),
  };
  const dims: Record<Mask, number[]> = {
    ends: [BATCH],
    'ends and starts': [2 * BATCH],
    keys: [BATCH, keys],
    'queries and keys': [BATCH, LENGTH, keys],
  };
  return {
    x: floats([BATCH, LENGTH, WIDTH], 2),
    ...(mask !== undefined && { mask: new Tensor('int32', values[mask], dims[mask]) }),
    ...(past && { past: floats([2, BATCH, HEADS, PAST, WIDTH / HEADS], 3) }),
    ...(added && { added: floats([BATCH, HEADS, LENGTH, keys], 4) }),
  };
}

async function compare(form: Form): Promise<Graph> {
  const [file, feeds] = [model(form), feedsOf(form)];
  const graph = await importOnnx(file);
  const [got, expected] = [graph.run(feeds), await runInOrt(file, feeds)];
  // Sums are exact; the bias is added in one rounding less, and softmax's exp is another polynomial: of values around 2.
  for (const name of Object.keys(expected)) {
    expect(got[name]?.dims, name).toEqual(expected[name]?.dims);
    expect(largestDifference(got[name], expected[name]), name).toBeLessThan(2 ** -19);
  }
  if (withNative === null) return graph;
  const { outputs } = nativeForm(graph, feeds);
  for (const name of Object.keys(expected)) expect(bits(outputs[name]), name).toEqual(bits(got[name]));
  return graph;
}

const opsOf = (graph: Graph): string[] =>
  [...graph.nodes()].map(({ op }) => op).filter((op) => !op.startsWith('prim::'));

const unidirectional = { unidirectional: 1 };
const FORMS: readonly [string, Form][] = [
  ['all keys', {}],
  ['ends', { mask: 'ends' }],
  ['ends and starts', { mask: 'ends and starts' }],
  ['a mask of keys', { mask: 'keys' }],
  ['a mask of queries and keys', { mask: 'queries and keys' }],
  ['what came before alone', { attrs: unidirectional }],
  [
    'what came before alone, masked',
    { mask: 'ends', attrs: { ...unidirectional, mask_filter_value: { float: -5000 } } },
  ],
  ['a past', { past: true }],
  ['a past and a mask of keys', { past: true, mask: 'keys' }],
  ['a past and ends, one direction', { past: true, mask: 'ends', attrs: unidirectional }],
  ['a scale of its own', { attrs: { scale: { float: 0.25 } } }],
];

describe('QAttention', () => {
  it.each(FORMS)('over %s: an int8 linear and attention', async (_, form) => {
    const ops = opsOf(await compare({ type: INT8, perColumn: true, ...form }));
    expect(ops).toContain('octavo::multi_head_attention');
    expect(ops).toContain('quantized::linear_dynamic');
    expect(ops.filter((op) => /matmul|softmax/.test(op))).toEqual([]);
  });

  it.each<[string, Form]>([
    ['int8 weights of one scale', { type: INT8 }],
    ['uint8 weights, a mask of ones and zeros', { type: UINT8, mask: 'keys' }],
  ])('of %s', async (_, form) => {
    expect(opsOf(await compare(form))).toContain('quantized::linear_dynamic');
  });

  it('of codes by a constant range', async () => {
    expect(opsOf(await compare({ type: INT8, perColumn: true, dynamic: false, mask: 'ends' }))).toContain(
      'octavo::linear_quantized',
    );
  });
});

describe('Attention', () => {
  it.each([...FORMS, ['scores that something is added to', { added: true, attrs: unidirectional }] as const])(
    'over %s: a linear and attention',
    async (_, form) => {
      const ops = opsOf(await compare(form));
      expect(ops.filter((op) => op === 'aten::linear')).toHaveLength(1);
      expect(ops).toContain('octavo::multi_head_attention');
    },
  );
});

it.each([
  ['do_rotary', { do_rotary: 1 }],
  ['qkv_hidden_sizes', { qkv_hidden_sizes: [8, 8, 16] }],
] as const)('%s is refused by name', async (what, attrs) => {
  await expect(importOnnx(model({ attrs }))).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringContaining(what),
  });
});
