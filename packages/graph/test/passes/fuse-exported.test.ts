import { Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import type { Dim } from '../../src/import/facts.js';
import { GraphBuilder } from '../../src/import/graph-builder.js';
import { Graph, verify } from '../../src/index.js';
import type { Value } from '../../src/ir/value.js';
import { fuseAttention } from '../../src/passes/fuse-attention.js';
import { fuseLayerNorm } from '../../src/passes/fuse-layer-norm.js';
import { removeDeadCode } from '../../src/passes/remove-dead-code.js';
import type { Shapes } from '../../src/passes/shapes.js';
import { bits, floats } from '../models.js';

/** A graph as an importer makes it, with symbols for dims, before and after a pass. */
function fused(
  pass: typeof fuseAttention,
  dims: Record<string, readonly Dim[]>,
  make: (b: GraphBuilder, x: Value[]) => Value,
) {
  const build = () => {
    const graph = new Graph('Model');
    const builder = new GraphBuilder(graph, { foldedBytes: 0, tolerant: false });
    const inputs = Object.entries(dims).map(([name, of]) => builder.input(name, { dtype: 'float32', dims: of }));
    graph.addOutput('output', make(builder, inputs));
    return { graph, shapes: ((value) => builder.dims(value)) satisfies Shapes };
  };
  const [before, { graph, shapes }] = [build().graph, build()];
  const after = verify(removeDeadCode(pass(shapes)(graph)));
  const printed = after.print();
  expect(removeDeadCode(pass(shapes)(after)).print()).toBe(printed);
  return { before, after, printed, changed: printed !== removeDeadCode(before.clone()).print() };
}

const number = (b: GraphBuilder, x: number, dims: number[] = []): Value =>
  b.constant(new Tensor('float32', Float32Array.of(x), dims));

const output = (graph: Graph, feeds: Record<string, Tensor>): Float32Array =>
  graph.run(feeds).output?.data as Float32Array;

function expectWithin(a: Float32Array, b: Float32Array, bound: number): void {
  expect(a.length).toBe(b.length);
  for (const [i, value] of a.entries()) expect(Math.abs(value - (b[i] as number))).toBeLessThanOrEqual(bound);
}

/** Half a unit in the last place of 1. */
const U = 2 ** -24;
const maxOf = (tensor: Tensor): number =>
  (tensor.data as Float32Array).reduce((most, x) => Math.max(most, Math.abs(x)), 0);

describe('fuseLayerNorm', () => {
  const N = 8;
  const [weight, bias] = [floats([N], 2), floats([N], 3)];

  interface Form {
    readonly square?: 'mul' | 'pow';
    readonly affine?: boolean;
    readonly eps?: number;
    readonly dims?: readonly number[];
  }
  const exported =
    ({ square = 'pow', affine = true, eps = 1e-5, dims = [-1] }: Form) =>
    (b: GraphBuilder, [x]: Value[]): Value => {
      const mean = (value: Value) => b.op('aten::mean', [value], { dims, keepDim: 1 });
      const d = b.op('aten::sub', [x as Value, mean(x as Value)]);
      const squared = square === 'mul' ? b.op('aten::mul', [d, d]) : b.op('aten::pow', [d, number(b, 2)]);
      const root = b.op('aten::sqrt', [b.op('aten::add', [mean(squared), number(b, eps)])]);
      const y = b.op('aten::div', [d, root]);
      if (!affine) return y;
      return b.op('aten::add', [b.op('aten::mul', [y, b.constant(weight)]), b.constant(bias)]);
    };

  it('puts one op in the place of the formula', () => {
    const { before, printed } = fused(fuseLayerNorm, { x: ['n', 's', N] }, exported({}));
    expect([...before.nodes()].map(({ op }) => op)).toContain('aten::sqrt');
    expect(printed).toBe(`graph(%self : Model,
      %x : Float(*)):
  %2 : Float(8) = prim::Constant[value=<Tensor>]()
  %3 : Float(8) = prim::Constant[value=<Tensor>]()
  %4 : Float(*) = aten::layer_norm[axes=1, eps=9.999999747378752e-6](%x, %2, %3)
  return (%4)
`);
  });

  it.each<Form>([{}, { square: 'mul' }, { affine: false }, { dims: [2] }])(
    '%j: stays within the rounding of its steps',
    (form) => {
      const { before, after, changed } = fused(fuseLayerNorm, { x: ['n', 's', N] }, exported(form));
      expect(changed).toBe(true);
      const x = floats([2, 3, N], 5);
      // The means have equal bits. |d / root| is at most sqrt N. The variances, sums of N positive terms, differ by 2 (N + 1) U,
      // their roots by half of that and 2 U; then follow 3 roundings here, 1 there, and one or two of the affine part.
      const [scale, shift] = form.affine === false ? [1, 0] : [maxOf(weight), maxOf(bias)];
      const largest = Math.sqrt(N) * scale;
      expectWithin(output(after, { x }), output(before, { x }), ((N + 8) * largest + 2 * (largest + shift)) * U);
    },
  );

  it('again behind another one, whose output it reads', () => {
    const twice = (b: GraphBuilder, x: Value[]) => exported({})(b, [exported({})(b, x)]);
    const { after } = fused(fuseLayerNorm, { x: ['n', N] }, twice);
    expect([...after.nodes()].filter(({ op }) => op === 'aten::layer_norm')).toHaveLength(2);
  });

  it.each<[string, Record<string, readonly Dim[]>, Form]>([
    ['over another axis', { x: ['n', N, N] }, { dims: [1] }],
    ['with a negative eps', { x: ['n', N] }, { eps: -1 }],
  ])('leaves one %s alone', (_, dims, form) => {
    expect(fused(fuseLayerNorm, dims, exported(form)).changed).toBe(false);
  });

  it('takes no weight that spreads a row of unknown width', () => {
    const { after } = fused(fuseLayerNorm, { x: ['n', 'width'] }, exported({}));
    const norm = [...after.nodes()].find(({ op }) => op === 'aten::layer_norm');
    expect(norm?.inputs.slice(1)).toEqual([null, null]);
  });
});

describe('fuseAttention', () => {
  interface Form {
    readonly heads?: number;
    readonly width?: number;
    /** Where the scale stands: a divisor of the scores, a factor of them, or its root at q and k. */
    readonly scale?: 'div' | 'mul' | 'split' | 'q';
    readonly by?: number;
    readonly mask?: boolean;
    readonly transposed?: 'once' | 'twice';
  }
  const exported =
    ({ heads = 2, width = 8, scale = 'div', by = 2, mask = true, transposed = 'once' }: Form) =>
    (b: GraphBuilder, inputs: Value[]): Value => {
      const [q, k, v, m] = inputs as [Value, Value, Value, Value];
      const permute = (x: Value, dims: number[]) => b.op('aten::permute', [x], { dims });
      const split = (x: Value) => b.op('aten::reshape', [x], { dims: [0, 0, heads, width / heads] });
      const times = (x: Value, factor: number) => b.op('aten::mul', [x, number(b, factor)]);
      const divided = (x: Value) => b.op('aten::div', [x, number(b, by, [1])]);
      let left = permute(split(scale === 'q' ? divided(q) : q), [0, 2, 1, 3]);
      let right =
        transposed === 'once'
          ? permute(split(k), [0, 2, 3, 1])
          : permute(permute(split(k), [0, 2, 1, 3]), [0, 1, 3, 2]);
      if (scale === 'split') [left, right] = [times(left, Math.sqrt(1 / by)), times(right, Math.sqrt(1 / by))];
      let scores = b.op('aten::matmul', [left, right]);
      if (scale === 'div') scores = divided(scores);
      if (scale === 'mul') scores = times(scores, 1 / by);
      if (mask) scores = b.op('aten::add', [scores, m]);
      const weights = b.op('aten::softmax', [scores], { dim: -1 });
      const y = permute(b.op('aten::matmul', [weights, permute(split(v), [0, 2, 1, 3])]), [0, 2, 1, 3]);
      return b.op('aten::reshape', [y], { dims: [0, 0, width] });
    };
  const dims = (m: readonly Dim[], width = 8): Record<string, readonly Dim[]> => ({
    q: ['n', 's', width],
    k: ['n', 't', width],
    v: ['n', 't', width],
    m,
  });
  const feeds = (m: number[], width = 8) => ({
    q: floats([2, 3, width], 1),
    k: floats([2, 5, width], 2),
    v: floats([2, 5, width], 3),
    m: floats(m, 4),
  });

  it('puts one op in the place of split heads, two products and a softmax', () => {
    const { before, printed } = fused(fuseAttention, dims(['n', 1, 1, 't']), exported({}));
    expect([...before.nodes()].filter(({ op }) => op === 'aten::matmul')).toHaveLength(2);
    expect(printed).toBe(`graph(%self : Model,
      %q : Float(*),
      %k : Float(*),
      %v : Float(*),
      %m : Float(*)):
  %5 : Float(*) = octavo::multi_head_attention[heads=2, scale=0.5](%q, %k, %v, %m)
  return (%5)
`);
  });

  it.each<[Form, readonly Dim[], number[]]>([
    [{}, ['n', 1, 1, 't'], [2, 1, 1, 5]],
    [{ scale: 'mul', transposed: 'twice' }, ['n', 1, 's', 't'], [2, 1, 3, 5]],
    [{ scale: 'split', by: 4 }, ['n', 2, 's', 't'], [2, 2, 3, 5]],
    [{ scale: 'q', by: 4 }, [1, 1, 's', 'masked'], [1, 1, 3, 5]],
    [{ mask: false, heads: 4 }, [1], [1]],
    [{}, ['s', 't'], [3, 5]],
  ])('%j with a mask %j: the same bits where the scale is a power of two', (form, mask, fed) => {
    const { before, after, changed } = fused(fuseAttention, dims(mask), exported(form));
    expect(changed).toBe(true);
    expect([...after.nodes()].map(({ op }) => op)).toContain('octavo::multi_head_attention');
    expect(bits(after.run(feeds(fed)).output)).toEqual(bits(before.run(feeds(fed)).output));
  });

  it.each<Form>([
    { scale: 'div', by: 3 },
    { scale: 'split', by: 3 },
  ])('%j: stays within the rounding of scores', (form) => {
    const { before, after, changed } = fused(fuseAttention, dims(['n', 1, 1, 't']), exported(form));
    expect(changed).toBe(true);
    const fed = feeds([2, 1, 1, 5]);
    const [d, keys] = [4, 5];
    // Each form rounds a score d times in its chain, then for scale, root and mask: 5 times at most.
    const score = (d * maxOf(fed.q) * maxOf(fed.k)) / 3 + maxOf(fed.m);
    const change = 2 * (d + 5) * U * score;
    // A score's change moves its exponential and the sum of them; each form then rounds exp (2 units), sum, quotient, product.
    const bound = (2 * change * (1 + change) + 2 * (2 * keys + 6) * U) * maxOf(fed.v);
    expectWithin(output(after, fed), output(before, fed), bound);
  });

  it.each<[string, Record<string, readonly Dim[]>, Form]>([
    ['whose mask may spread the scores', dims(['m', 1, 1, 't']), {}],
    ['whose mask has a length of its own', dims([1, 1, 'm', 't']), {}],
    ['whose values have another length than its keys', { ...dims([1, 1, 1, 't']), v: ['n', 'u', 8] }, {}],
    ['whose batch is not that of its keys', { ...dims([1, 1, 1, 't']), q: ['m', 's', 8] }, {}],
    ['of operands of rank four', { ...dims([1, 1, 1, 't']), q: ['n', 's', 1, 8] }, {}],
    ['with a divisor of 0', dims([1, 1, 1, 't']), { by: 0 }],
  ])('leaves one %s alone', (_, given, form) => {
    expect(fused(fuseAttention, given, exported(form)).changed).toBe(false);
  });
});
