import { describe, expect, it } from 'vitest';
import type { NodeSpec } from '../../src/index.js';
import { Graph, verify } from '../../src/index.js';
import { tensorType } from '../../src/ir/value-type.js';

const FLOAT = tensorType('float32', [2]);

function graphWith(
  make: (x: Graph['inputs'][number]) => Omit<NodeSpec, 'outputs'> & { outputs?: NodeSpec['outputs'] },
): Graph {
  const graph = new Graph('Model');
  const x = graph.addInput('x', FLOAT);
  graph.addOutput('output', x);
  graph.insert({ outputs: [{ type: FLOAT }], ...make(x) });
  return graph;
}

describe('verify', () => {
  it.each<[string, RegExp, Parameters<typeof graphWith>[0]]>([
    ['an unknown op', /aten::nope.*unknown op/, (x) => ({ op: 'aten::nope', inputs: [x] })],
    ['an absent operand', /operand 'b' is absent/, (x) => ({ op: 'aten::add', inputs: [x, null] })],
    ['too many operands', /it has 2 operands/, (x) => ({ op: 'aten::relu', inputs: [x, x] })],
    ['missing outputs', /0 outputs instead of 1/, (x) => ({ op: 'aten::relu', inputs: [x], outputs: [] })],
    ['an unknown attribute', /unknown attribute 'dim'/, (x) => ({ op: 'aten::relu', inputs: [x], attrs: { dim: 1 } })],
    [
      'an attribute of another kind',
      /'dim' must be an integer/,
      (x) => ({ op: 'aten::softmax', inputs: [x], attrs: { dim: [1] } }),
    ],
    [
      'a list of texts',
      /'dims' must be a list of integers/,
      (x) => ({ op: 'aten::reshape', inputs: [x], attrs: { dims: ['1'] as never } }),
    ],
    [
      'a fraction for an integer',
      /'dim' must be an integer/,
      (x) => ({ op: 'aten::softmax', inputs: [x], attrs: { dim: 0.5 } }),
    ],
    [
      'an unknown code',
      /'activation' has the unknown code 9/,
      (x) => ({ op: 'aten::linear', inputs: [x, x, x], attrs: { activation: 9 } }),
    ],
    [
      'an unknown dtype',
      /'dtype' has the unknown code 77/,
      (x) => ({ op: 'aten::to', inputs: [x], attrs: { dtype: 77 } }),
    ],
    [
      'a parameter that is not there',
      /no parameter 'w'/,
      () => ({ op: 'prim::GetAttr', inputs: [], attrs: { name: 'w' } }),
    ],
    [
      'a constant without a tensor',
      /must be a tensor/,
      () => ({ op: 'prim::Constant', inputs: [], attrs: { value: 3 } }),
    ],
    [
      'an observer that is not there',
      /no observer/,
      (x) => ({ op: 'octavo::observe', inputs: [x], attrs: { observer: 'o' } }),
    ],
    ['an empty list of tensors', /it has 0 operands/, () => ({ op: 'aten::cat', inputs: [], attrs: { dim: 0 } })],
  ])('refuses %s', (_, message, make) => {
    expect(() => verify(graphWith(make))).toThrow(message);
  });

  it('refuses an operand that is made later, or elsewhere', () => {
    const graph = graphWith((x) => ({ op: 'aten::relu', inputs: [x] }));
    const [relu] = [...graph.nodes()];
    graph.insert({ op: 'aten::neg', inputs: [relu!.output], outputs: [{ type: FLOAT }] }, relu);
    expect(() => verify(graph)).toThrow(/aten::neg.*before it is made/);
    const other = new Graph('Other');
    other.addOutput('output', relu!.output);
    expect(() => verify(other)).toThrow(/made by no node/);
  });

  it('refuses names that occur twice, and a graph without outputs', () => {
    const graph = new Graph('Model');
    expect(() => verify(graph)).toThrow(/no outputs/);
    const x = graph.addInput('x', FLOAT);
    graph.addOutput('y', x);
    verify(graph);
    graph.addOutput('y', x);
    expect(() => verify(graph)).toThrow(/two outputs have one name/);
    graph.addInput('x', FLOAT);
    expect(() => verify(graph)).toThrow(/two inputs have one name/);
  });
});
