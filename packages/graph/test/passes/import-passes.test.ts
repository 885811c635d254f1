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

  const ROOT = 0.7978845608;
  const CUBIC = 0.044715;
  type Make = Parameters<typeof graphOf>[0];
  const inner: Readonly<Record<string, Make>> = {
    "GPT-2's pow": (x, op, number) => {
      const cube = op('aten::mul', number(CUBIC), op('aten::pow', x, number(3)));
      return op('aten::mul', number(ROOT), op('aten::add', x, cube));
    },
    "PyTorch's products": (x, op, number) => {
      const cube = op('aten::mul', op('aten::mul', x, op('aten::mul', x, x)), number(CUBIC));
      return op('aten::mul', op('aten::add', x, cube), number(ROOT));
    },
    'x taken out': (x, op, number) => {
      const square = op('aten::mul', op('aten::mul', number(CUBIC), x), x);
      return op('aten::mul', op('aten::mul', x, number(ROOT)), op('aten::add', number(1), square));
    },
  };
  const byTanh = (polynomial: Make): Graph =>
    graphOf((x, op, number) => {
      const sum = op('aten::add', number(1), op('aten::tanh', polynomial(x, op, number)));
      return op('aten::mul', op('aten::mul', number(0.5), x), sum);
    });

  it.each(Object.entries(inner))('knows the form by tanh: %s', (_, polynomial) => {
    const before = byTanh(polynomial);
    const after = removeDeadCode(fuseGelu(before.clone()));
    expect(after.print()).toContain('aten::gelu_tanh(%x)');
    expect([...after.nodes()]).toHaveLength(1);
    const x = floats([2, 4]);
    const [a, b] = [before, after].map((graph) => graph.run({ x }).output?.data as Float32Array);
    for (const [i, value] of (a as Float32Array).entries()) {
      expect(Math.abs(value - (b?.[i] as number))).toBeLessThanOrEqual(2 ** -22 * Math.abs(value) + 2 ** -23);
    }
  });

  it.each<[string, Make]>([
    ['another factor', (x, op, number) => op('aten::mul', number(0.8), (inner["GPT-2's pow"] as Make)(x, op, number))],
    [
      'the fourth power',
      (x, op, number) => op('aten::mul', number(ROOT), op('aten::pow', op('aten::mul', x, x), number(2))),
    ],
    ['another function inside', (x, op) => op('aten::exp', x)],
  ])('leaves tanh of %s alone', (_, polynomial) => {
    const other = byTanh(polynomial);
    expect(removeDeadCode(fuseGelu(other.clone())).print()).toBe(other.print());
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
