import { Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { type Graph, importOnnx } from '../../src/index.js';
import { floats } from '../models.js';
import { modelBytes, type NodeInput, tensorProto } from '../onnx/build-model.js';

const INT64 = 7;
const BOOL = 9;
const [BATCH, LENGTH, HEADS, WIDTH] = [2, 5, 2, 8];

/** q, k and v [batch, length, 8] with two heads, as exporters split and merge them, with `scores` between. */
async function attention(scores: readonly NodeInput[], opset = 17): Promise<Graph> {
  const split = (name: string, perm: number[]): NodeInput[] => [
    { op: 'Reshape', in: [name, 'split'], out: [`${name}4`] },
    { op: 'Transpose', in: [`${name}4`], out: [`${name}h`], attrs: { perm } },
  ];
  return importOnnx(
    modelBytes(
      {
        inputs: {
          ...Object.fromEntries(['q', 'k', 'v'].map((name) => [name, ['batch', 'length', WIDTH]])),
          kept: ['batch', 1, 1, 'length'],
          bias: [1, HEADS, 'length', 'length'],
        },
        types: { kept: BOOL },
        initializers: [
          tensorProto('split', [4], [0, 0, HEADS, -1], INT64),
          tensorProto('merged', [3], [0, 0, -1], INT64),
          tensorProto('half', [], [0.5]),
          tensorProto('root', [1], [Math.SQRT1_2]),
          tensorProto('zero', [], [0]),
          tensorProto('lowest', [], [-3.4028234663852886e38]),
          tensorProto('minusInf', [1], [Number.NEGATIVE_INFINITY]),
        ],
        nodes: [
          ...split('q', [0, 2, 1, 3]),
          ...split('k', [0, 2, 3, 1]),
          ...split('v', [0, 2, 1, 3]),
          ...scores,
          { op: 'MatMul', in: ['p', 'vh'], out: ['y4'] },
          { op: 'Transpose', in: ['y4'], out: ['yt'], attrs: { perm: [0, 2, 1, 3] } },
          { op: 'Reshape', in: ['yt', 'merged'], out: ['y'] },
        ],
        outputs: ['y'],
      },
      opset,
    ),
  );
}

const SOFTMAX: NodeInput = { op: 'Softmax', in: ['s'], out: ['p'], attrs: { axis: -1 } };

const FORMS: Record<string, NodeInput[]> = {
  'Where of two constants, added': [
    { op: 'MatMul', in: ['qh', 'kh'], out: ['qk'] },
    { op: 'Mul', in: ['qk', 'half'], out: ['scaled'] },
    { op: 'Where', in: ['kept', 'zero', 'lowest'], out: ['mask'] },
    { op: 'Add', in: ['scaled', 'mask'], out: ['s'] },
    SOFTMAX,
  ],
  'masked_fill of the scores': [
    { op: 'MatMul', in: ['qh', 'kh'], out: ['qk'] },
    { op: 'Mul', in: ['qk', 'half'], out: ['scaled'] },
    { op: 'Not', in: ['kept'], out: ['gone'] },
    { op: 'Where', in: ['gone', 'lowest', 'scaled'], out: ['s'] },
    SOFTMAX,
  ],
  'scaled_dot_product_attention: a root of the scale on q and k, and 0 for queries without keys': [
    { op: 'Mul', in: ['qh', 'root'], out: ['qs'] },
    { op: 'Mul', in: ['kh', 'root'], out: ['ks'] },
    { op: 'MatMul', in: ['qs', 'ks'], out: ['scaled'] },
    { op: 'Where', in: ['kept', 'zero', 'minusInf'], out: ['mask'] },
    { op: 'Add', in: ['scaled', 'mask'], out: ['s'] },
    { op: 'Softmax', in: ['s'], out: ['raw'], attrs: { axis: -1 } },
    { op: 'IsNaN', in: ['raw'], out: ['nan'] },
    { op: 'Where', in: ['nan', 'zero', 'raw'], out: ['p'] },
  ],
};

const count = (graph: Graph, op: string): number => [...graph.nodes()].filter((node) => node.op === op).length;

/** The formula in doubles. Rows of which no key is kept are `empty`. */
function expected(feeds: Record<string, Tensor>, withBias: boolean, empty: number): number[] {
  const [q, k, v, kept, bias] = ['q', 'k', 'v', 'kept', 'bias'].map((name) => feeds[name]?.raw.data as Float32Array);
  const at = (x: Float32Array | undefined, b: number, l: number, c: number): number =>
    x?.[(b * LENGTH + l) * WIDTH + c] as number;
  const size = WIDTH / HEADS;
  const keys = [...Array(LENGTH).keys()];
  return Array.from({ length: BATCH * LENGTH * WIDTH }, (_, index) => {
    const [b, l, c] = [Math.floor(index / (LENGTH * WIDTH)), Math.floor(index / WIDTH) % LENGTH, index % WIDTH];
    const head = Math.floor(c / size);
    const weights = keys.map((key) => {
      if (kept?.[b * LENGTH + key] === 0) return 0;
      let dot = 0;
      for (let i = 0; i < size; i++) dot += at(q, b, l, head * size + i) * at(k, b, key, head * size + i);
      return Math.exp(dot * 0.5 + (withBias ? (bias?.[(head * LENGTH + l) * LENGTH + key] as number) : 0));
    });
    const total = weights.reduce((a, w) => a + w, 0);
    return total === 0
      ? empty
      : keys.reduce((sum, key) => sum + ((weights[key] as number) / total) * at(v, b, key, c), 0);
  });
}

function feedsOf(kept: readonly number[]): Record<string, Tensor> {
  return {
    q: floats([BATCH, LENGTH, WIDTH], 1),
    k: floats([BATCH, LENGTH, WIDTH], 2),
    v: floats([BATCH, LENGTH, WIDTH], 3),
    kept: new Tensor('bool', Uint8Array.from(kept), [BATCH, 1, 1, LENGTH]),
    bias: floats([1, HEADS, LENGTH, LENGTH], 4),
  };
}

/** float32 keeps 2^-24 of each of some 20 roundings of numbers around 1. */
const CLOSE = 6;

describe('attention of exporters becomes one op', () => {
  const feeds = feedsOf([1, 1, 1, 0, 0, 0, 1, 1, 1, 1]);

  it.each(Object.entries(FORMS))('%s', async (_, nodes) => {
    const graph = await attention(nodes);
    expect([count(graph, 'octavo::multi_head_attention'), count(graph, 'aten::softmax')]).toEqual([1, 0]);
    const { y } = graph.run(feeds);
    expected(feeds, false, 0).forEach((value, i) => {
      expect(y?.data[i]).toBeCloseTo(value, CLOSE);
    });
  });

  it('adds several masks up', async () => {
    const [matmul, mul, where] = FORMS['Where of two constants, added'] as NodeInput[];
    const graph = await attention([
      matmul as NodeInput,
      mul as NodeInput,
      where as NodeInput,
      { op: 'Add', in: ['bias', 'scaled'], out: ['biased'] },
      { op: 'Add', in: ['biased', 'mask'], out: ['s'] },
      SOFTMAX,
    ]);
    expect(count(graph, 'octavo::multi_head_attention')).toBe(1);
    const { y } = graph.run(feeds);
    expected(feeds, true, 0).forEach((value, i) => {
      expect(y?.data[i]).toBeCloseTo(value, CLOSE);
    });
  });

  it('keeps the 0 of queries whose keys are all masked', async () => {
    const graph = await attention(Object.values(FORMS).at(-1) as NodeInput[]);
    const none = feedsOf([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
    const { y } = graph.run(none);
    expected(none, false, 0).forEach((value, i) => {
      expect(y?.data[i]).toBeCloseTo(value, CLOSE);
    });
    expect([...(y as Tensor).data.slice(LENGTH * WIDTH)].some((value) => value !== 0)).toBe(false);
  });

  it('leaves scores that are filled with a number of their own size', async () => {
    const [matmul, mul] = FORMS['masked_fill of the scores'] as NodeInput[];
    const graph = await attention([
      matmul as NodeInput,
      mul as NodeInput,
      { op: 'Where', in: ['kept', 'scaled', 'zero'], out: ['s'] },
      SOFTMAX,
    ]);
    expect(count(graph, 'octavo::multi_head_attention')).toBe(0);
  });
});

describe('the operator Attention of opset 23', () => {
  const operator = (inputs: Record<string, (number | string)[]>, attrs: NodeInput['attrs']): Promise<Graph> =>
    importOnnx(
      modelBytes(
        {
          inputs,
          types: { kept: BOOL },
          nodes: [{ op: 'Attention', in: Object.keys(inputs), out: ['y'], attrs }],
          outputs: ['y'],
        },
        23,
      ),
    );

  it('is one op where q, k and v lie [batch, length, heads * d]', async () => {
    const wide = ['batch', 'length', WIDTH];
    const graph = await operator(
      { q: wide, k: wide, v: wide, kept: ['batch', 1, 1, 'length'] },
      { q_num_heads: HEADS, kv_num_heads: HEADS },
    );
    expect(count(graph, 'octavo::multi_head_attention')).toBe(1);
    const { bias: _, ...feeds } = feedsOf([1, 1, 1, 0, 0, 0, 1, 1, 1, 1]);
    const { y } = graph.run(feeds);
    expected(feeds, false, 0).forEach((value, i) => {
      expect(y?.data[i]).toBeCloseTo(value, CLOSE);
    });
  });

  it('shares heads of keys, and masks what comes later', async () => {
    const graph = await operator({ q: [1, 2, 2, 1], k: [1, 1, 2, 1], v: [1, 1, 2, 1] }, { is_causal: 1 });
    const [k, v] = [Tensor.from([[[[0], [0]]]]), Tensor.from([[[[2], [4]]]])];
    expect(graph.run({ q: Tensor.zeros([1, 2, 2, 1]), k, v }).y?.toArray()).toEqual([
      [
        [[2], [3]],
        [[2], [3]],
      ],
    ]);
  });
});
