import { Tensor } from '@octavo/core';
import { perRowDynamicQConfig } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { importOnnx, quantizeDynamic } from '../../src/index.js';
import { floats } from '../models.js';
import { graphProto, modelBytes, tensorProto } from './build-model.js';

const MLP = {
  inputs: { x: ['batch', 'length', 4] },
  initializers: [
    tensorProto('onnx::MatMul_7', [4, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    tensorProto('fc.bias', [3], [0.5, -0.5, 0]),
  ],
  nodes: [
    { op: 'MatMul', name: '/fc/MatMul', in: ['x', 'onnx::MatMul_7'], out: ['product'] },
    { op: 'Add', name: '/fc/Add', in: ['fc.bias', 'product'], out: ['sum'] },
    { op: 'Relu', name: '/act/Relu', in: ['sum'], out: ['y'] },
  ],
  outputs: ['y'],
};

describe('importOnnx', () => {
  it('reads a product and a sum as the linear they come from, under its module path', async () => {
    const graph = await importOnnx(modelBytes(MLP));
    expect(graph.print()).toBe(`graph(%self : main,
      %x : Float(*)):
  %weight.1 : Float(3, 4) = prim::GetAttr[name="fc.weight"](%self)
  %bias.1 : Float(3) = prim::GetAttr[name="fc.bias"](%self)
  %4 : Float(*) = aten::linear(%x, %weight.1, %bias.1), scope: fc
  %5 : Float(*) = aten::relu(%4), scope: act
  return (%5) # y
`);
    const { y } = graph.run({
      x: Tensor.from([
        [
          [1, 0, 0, 0],
          [0, 0, -1, 0],
        ],
      ]),
    });
    expect(y?.toArray()).toEqual([
      [
        [1.5, 1.5, 3],
        [0, 0, 0],
      ],
    ]);
  });

  it('gives a graph that quantizes by module path', async () => {
    const graph = await importOnnx(modelBytes(MLP));
    const int8 = quantizeDynamic(graph, { fc: perRowDynamicQConfig });
    expect([...int8.nodes()].map(({ op }) => op)).toEqual(['prim::GetAttr', 'quantized::linear_dynamic', 'aten::relu']);
    expect(() => quantizeDynamic(graph, { fcc: perRowDynamicQConfig })).toThrow(/did you mean 'fc'/);
  });

  it('resolves shapes that the graph computes from dynamic dims', async () => {
    const graph = await importOnnx(
      modelBytes({
        inputs: { x: ['batch', 'length', 6] },
        initializers: [
          tensorProto('zero', [], [0], 7),
          tensorProto('one', [], [1], 7),
          tensorProto('axis', [1], [0], 7),
          tensorProto('heads', [2], [2, 3], 7),
        ],
        nodes: [
          { op: 'Shape', in: ['x'], out: ['shape'] },
          { op: 'Gather', in: ['shape', 'zero'], out: ['batch'] },
          { op: 'Gather', in: ['shape', 'one'], out: ['length'] },
          { op: 'Unsqueeze', in: ['batch', 'axis'], out: ['batch1'] },
          { op: 'Unsqueeze', in: ['length', 'axis'], out: ['length1'] },
          { op: 'Concat', in: ['batch1', 'length1', 'heads'], out: ['wanted'], attrs: { axis: 0 } },
          { op: 'Reshape', in: ['x', 'wanted'], out: ['y'] },
        ],
        outputs: ['y'],
      }),
    );
    expect([...graph.nodes()].map(({ op, attrs }) => [op, attrs.dims])).toEqual([['aten::reshape', [0, 0, 2, 3]]]);
    expect(graph.run({ x: floats([2, 5, 6]) }).y?.dims).toEqual([2, 5, 2, 3]);
  });

  it('puts a node off whose shape has no fixed form, for each set of dims', async () => {
    const graph = await importOnnx(
      modelBytes({
        inputs: { x: ['n'] },
        initializers: [tensorProto('two', [1], [2], 7)],
        nodes: [
          { op: 'Shape', in: ['x'], out: ['shape'] },
          { op: 'Mul', in: ['shape', 'two'], out: ['double'] },
          { op: 'ConstantOfShape', in: ['double'], out: ['zeros'] },
          { op: 'Concat', in: ['x', 'zeros'], out: ['y'], attrs: { axis: 0 } },
        ],
        outputs: ['y'],
      }),
    );
    expect(graph.print()).toContain('onnx::ConstantOfShape');
    expect(graph.run({ x: Tensor.from([1, 2]) }).y?.toArray()).toEqual([1, 2, 0, 0, 0, 0]);
    expect(graph.run({ x: Tensor.from([3]) }).y?.toArray()).toEqual([3, 0, 0]);
  });

  it('runs by values where a shape is an input', async () => {
    const graph = await importOnnx(
      modelBytes({
        inputs: { x: ['n', 'm'], shape: [1] },
        types: { shape: 7 },
        nodes: [
          { op: 'Reshape', in: ['x', 'shape'], out: ['flat'] },
          { op: 'Neg', in: ['flat'], out: ['y'] },
        ],
        outputs: ['y'],
      }),
    );
    const shape = Tensor.from([-1], { dtype: 'int64' });
    expect(graph.run({ x: Tensor.from([[1, 2]]), shape }).y?.toArray()).toEqual([-1, -2]);
  });

  it('takes the branch of an If that its condition says, also at run time', async () => {
    const branch = (op: string) =>
      graphProto({ nodes: [{ op, in: ['x'], out: [`${op}_out`] }], outputs: [`${op}_out`] });
    const bytes = modelBytes({
      inputs: { x: ['n'], condition: [] },
      types: { condition: 9 },
      nodes: [
        { op: 'If', in: ['condition'], out: ['y'], attrs: { then_branch: branch('Neg'), else_branch: branch('Abs') } },
      ],
      outputs: ['y'],
    });
    const graph = await importOnnx(bytes);
    const x = Tensor.from([-2]);
    for (const [condition, expected] of [
      [true, [2]],
      [false, [2]],
    ] as const) {
      expect(graph.run({ x, condition: Tensor.from(condition, { dtype: 'bool' }) }).y?.toArray()).toEqual(expected);
    }
    const positive = Tensor.from([3]);
    expect(graph.run({ x: positive, condition: Tensor.from(true, { dtype: 'bool' }) }).y?.toArray()).toEqual([-3]);
    expect(graph.run({ x: positive, condition: Tensor.from(false, { dtype: 'bool' }) }).y?.toArray()).toEqual([3]);
  });

  it('unrolls a Loop of constant trip count, carried values and scan outputs alike', async () => {
    const body = graphProto({
      inputs: { i: [], going: [], sum: [1] },
      types: { i: 7, going: 9 },
      nodes: [
        { op: 'Add', in: ['sum', 'x'], out: ['next'] },
        { op: 'Identity', in: ['going'], out: ['still'] },
        { op: 'Neg', in: ['next'], out: ['seen'] },
      ],
      outputs: ['still', 'next', 'seen'],
    });
    const graph = await importOnnx(
      modelBytes({
        inputs: { x: [1] },
        initializers: [tensorProto('count', [], [3], 7), tensorProto('start', [1], [10])],
        nodes: [{ op: 'Loop', in: ['count', '', 'start'], out: ['last', 'all'], attrs: { body } }],
        outputs: ['last', 'all'],
      }),
    );
    const { last, all } = graph.run({ x: Tensor.from([2]) });
    expect([last?.toArray(), all?.toArray()]).toEqual([[16], [[-12], [-14], [-16]]]);
  });

  it('reads a long chain of nodes, of 100,000 in the long run, in time that grows with their number', async () => {
    const count = process.env.OCTAVO_TEST_LONG ? 100_000 : 2_000;
    const ops = ['Relu', 'Add', 'Neg', 'Reshape'] as const;
    const nodes = Array.from({ length: count }, (_, i) => {
      const op = ops[i % 4] as (typeof ops)[number];
      const second = { Relu: [], Add: ['v0'], Neg: [], Reshape: ['shape'] }[op];
      return { op, name: `/layers.${i}/op`, in: [`v${i}`, ...second], out: [`v${i + 1}`] };
    });
    const initializers = [tensorProto('shape', [2], [0, -1], 7)];
    // A reshape to the dims that are there is none.
    const bytes = modelBytes({ inputs: { v0: ['n', 4] }, initializers, nodes, outputs: [`v${count}`] });
    expect([...(await importOnnx(bytes)).nodes()]).toHaveLength(count - count / 4);
  });

  it.each([[10], [25]])('refuses operator set %i by name', async (opset) => {
    await expect(importOnnx(modelBytes(MLP, opset))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(new RegExp(`operator set ${opset}; 11 to 24`)),
    });
  });

  it('lists every operator that is not imported, with the nearest known name', async () => {
    const nodes = [
      { op: 'Sofmax', name: '/a/s', in: ['x'], out: ['a'] },
      { op: 'Sofmax', in: ['a'], out: ['b'] },
      { op: 'Bernoulli', in: ['b'], out: ['y'] },
    ];
    await expect(importOnnx(modelBytes({ inputs: { x: [1] }, nodes, outputs: ['y'] }))).rejects.toThrow(
      /Sofmax \(2 of them, the first Sofmax '\/a\/s'\); did you mean 'Softmax'\?.*Bernoulli/,
    );
  });
});
