import { Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { Graph } from '../../src/index.js';
import { constantSpec } from '../../src/ir/leaf-nodes.js';
import type { Value } from '../../src/ir/value.js';
import { tensorType } from '../../src/ir/value-type.js';
import { fuseGelu } from '../../src/passes/fuse-gelu.js';
import { fuseLinearBias } from '../../src/passes/fuse-linear-bias.js';
import { removeDeadCode } from '../../src/passes/remove-dead-code.js';
import { bits, floats } from '../models.js';

const TYPE = tensorType('float32', [2, 4]);

/** A graph of one input x [2, 4], and what `make` puts behind it. */
function graphOf(
  make: (x: Value, op: (name: string, ...inputs: Value[]) => Value, number: (x: number) => Value) => Value,
): Graph {
  const graph = new Graph('Model');
  const x = graph.addInput('x', TYPE);
  const op = (name: string, ...inputs: Value[]): Value =>
    graph.insert({ op: name, inputs: name === 'aten::linear' ? [...inputs, null] : inputs, outputs: [{ type: TYPE }] })
      .output;
  const number = (value: number): Value => graph.insert(constantSpec(Tensor.from(value))).output;
  graph.addOutput('output', make(x, op, number));
  return graph;
}

describe('fuseGelu', () => {
  const exported = (last: number): Graph =>
    graphOf((x, op, number) => {
      const erf = op('aten::erf', op('aten::div', x, number(1.4142135381698608)));
      return op('aten::mul', op('aten::mul', x, op('aten::add', erf, number(1))), number(last));
    });

  it('puts one op in the place of the formula, and again changes nothing', () => {
    const before = exported(0.5);
    const after = removeDeadCode(fuseGelu(before.clone()));
    expect(after.print()).toBe(`graph(%self : Model,
      %x : Float(2, 4)):
  %2 : Float(2, 4) = aten::gelu(%x)
  return (%2)
`);
    expect(removeDeadCode(fuseGelu(after.clone())).print()).toBe(after.print());
    const x = floats([2, 4]);
    const [a, b] = [before, after].map((graph) => graph.run({ x }).output?.data as Float32Array);
    // Both round to float32 within each of at most four operations.
    for (const [i, value] of (a as Float32Array).entries()) {
      expect(Math.abs(value - (b?.[i] as number))).toBeLessThanOrEqual(2 ** -22 * Math.abs(value) + 2 ** -24);
    }
  });

  it('leaves another formula alone', () => {
    const other = exported(0.25);
    expect(removeDeadCode(fuseGelu(other.clone())).print()).toBe(other.print());
  });
});

describe('fuseLinearBias', () => {
  it('puts a constant sum into the linear, with the same bits', () => {
    const graph = graphOf((x, op) => {
      const leaf = (dims: number[], seed: number): Value =>
        x.node.graph.insert(constantSpec(floats(dims, seed))).output;
      const weight = leaf([4, 4], 2);
      return op('aten::add', op('aten::linear', x, weight), leaf([4], 3));
    });
    const after = removeDeadCode(fuseLinearBias(graph.clone()));
    expect([...after.nodes()].map(({ op }) => op)).toEqual(['prim::Constant', 'prim::Constant', 'aten::linear']);
    expect(removeDeadCode(fuseLinearBias(after.clone())).print()).toBe(after.print());
    const x = floats([2, 4]);
    expect(bits(after.run({ x }).output)).toEqual(bits(graph.run({ x }).output));
  });
});
