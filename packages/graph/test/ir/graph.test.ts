import { F, type Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { Graph, trace, verify } from '../../src/index.js';
import { tensorType } from '../../src/ir/value-type.js';
import { bits, floats, Mlp, seeded, sentences, TinyClassifier } from '../models.js';

const FLOAT = tensorType('float32', [2]);

/** x -> relu -> neg -> output. */
function chain(): Graph {
  const graph = new Graph('Chain');
  const x = graph.addInput('x', FLOAT);
  const relu = graph.insert({ op: 'aten::relu', inputs: [x], outputs: [{ type: FLOAT }] });
  const neg = graph.insert({ op: 'aten::neg', inputs: [relu.output], outputs: [{ type: FLOAT }] });
  graph.addOutput('output', neg.output);
  return graph;
}

describe('Graph', () => {
  it('inserts before any node, and knows the uses of a value', () => {
    const graph = chain();
    const [relu, neg] = [...graph.nodes()] as [never, never] as unknown as import('../../src/index.js').Node[];
    if (relu === undefined || neg === undefined) throw new Error('two nodes');
    const exp = graph.insert({ op: 'aten::exp', inputs: [relu.output], outputs: [{ type: FLOAT }] }, neg);
    neg.setInput(0, exp.output);
    expect([...graph.nodes()].map(({ op }) => op)).toEqual(['aten::relu', 'aten::exp', 'aten::neg']);
    expect([...graph.nodesBackwards()].map(({ op }) => op)).toEqual(['aten::neg', 'aten::exp', 'aten::relu']);
    expect([...relu.output.uses].map(({ node }) => node)).toEqual([exp]);
    verify(graph);
  });

  it('replaces uses, but for one', () => {
    const graph = chain();
    const [relu, neg] = [...graph.nodes()];
    const twice = graph.insert(
      { op: 'aten::add', inputs: [relu!.output, relu!.output], outputs: [{ type: FLOAT }] },
      neg,
    );
    relu!.output.replaceUses(twice.output, twice);
    expect(neg!.input(0)).toBe(twice.output);
    expect(twice.input(1)).toBe(relu!.output);
    verify(graph);
  });

  it('refuses to remove what is still read', () => {
    const [relu] = [...chain().nodes()];
    expect(() => relu!.remove()).toThrow(/aten::relu.*still read/);
  });

  it('may lose nodes while it is walked', () => {
    const graph = chain();
    for (const node of graph.nodes()) {
      node.output.replaceUses(node.input(0));
      node.remove();
    }
    expect([...graph.nodes()]).toEqual([]);
    expect(graph.outputs[0]?.value).toBe(graph.inputs[0]);
  });

  it('clones with the same ids and tensors, and no ties', () => {
    const graph = trace(
      seeded(() => new TinyClassifier()),
      sentences([3]),
    );
    const copy = verify(graph.clone());
    expect(copy.print()).toBe(graph.print());
    expect([...copy.nodes()].map(({ id }) => id)).toEqual([...graph.nodes()].map(({ id }) => id));
    expect(copy.get('words.weight')).toBe(graph.get('words.weight'));
    const before = graph.print();
    const last = [...copy.nodes()].at(-1);
    copy.insert({ op: 'aten::relu', inputs: [last!.output], outputs: [{ type: FLOAT }] });
    copy.parameters.clear();
    expect(graph.print()).toBe(before);
    expect(graph.parameters.size).toBeGreaterThan(0);
  });

  it('compiles again after an edit', () => {
    const graph = trace((x: Tensor) => F.relu(x), { x: floats([2]) });
    const x = floats([4]);
    expect(bits(graph.run({ x }).output)).toEqual(bits(F.relu(x)));
    const [relu] = [...graph.nodes()];
    const neg = graph.insert({ op: 'aten::neg', inputs: [relu!.output], outputs: [{ type: FLOAT }] });
    graph.returnNode.setInput(0, neg.output);
    expect(bits(graph.run({ x }).output)).toEqual(bits(F.neg(F.relu(x))));
  });
});

describe('Graph.get', () => {
  it('gives parameters of a float graph as they are', () => {
    const model = seeded(() => new Mlp());
    const graph = trace(model, [floats([1, 8])]);
    expect(graph.get('fc1.weight')).toBe(model.fc1.weight);
    expect(graph.get('fc1.weight').scale).toBeUndefined();
  });

  it('knows the nearest name', () => {
    const graph = trace(
      seeded(() => new Mlp()),
      [floats([1, 8])],
    );
    expect(() => graph.get('fc1.wieght')).toThrow(/no parameter 'fc1\.wieght'; did you mean 'fc1\.weight'\?/);
  });
});
