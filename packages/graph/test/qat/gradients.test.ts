import { F, nn, type Tensor } from '@octavo/core';
import { type FakeQuantize, getDefaultQatQConfig } from '@octavo/observers';
import { describe, expect, it, test } from 'vitest';
import { type Graph, prepareQat, trace, trainingStep } from '../../src/index.js';
import { GRADIENT_RULES } from '../../src/qat/gradient-rules.js';
import { floats, floatsOf, seeded } from '../models.js';

const qconfig = getDefaultQatQConfig('onednn');

/** Rounding switched off everywhere: what is left is smooth, so that differences can check gradients. */
function smooth(make: (x: Tensor) => Tensor, dims: readonly number[]): Graph {
  const qat = prepareQat(trace(make as never, { x: floats(dims) }), { '': qconfig });
  for (const { observer } of qat.observers.values()) (observer as FakeQuantize).fakeQuantEnabled = false;
  return qat;
}

/** sum(y weights): a loss whose gradient is the weights. */
function loss(y: Tensor, weights: Tensor): number {
  return floatsOf(y).reduce((sum, value, i) => sum + value * (floatsOf(weights)[i] as number), 0);
}

/** The derivative of `at` by every value of a tensor, by central differences. */
function differences(x: Tensor, at: (changed: Tensor) => number): number[] {
  const h = 2 ** -7;
  return Array.from(floatsOf(x), (_, i) => {
    const [up, down] = [h, -h].map((step) => {
      const changed = F.add(x, 0);
      floatsOf(changed)[i] = (floatsOf(x)[i] as number) + step;
      return at(changed);
    }) as [number, number];
    return (up - down) / (2 * h);
  });
}

function expectNear(actual: Tensor | undefined, expected: readonly number[]): void {
  const got = Array.from(floatsOf(actual));
  expect(got.length).toBe(expected.length);
  const size = Math.max(1, ...expected.map(Math.abs));
  expected.forEach((slope, i) => {
    expect(Math.abs((got[i] as number) - slope) / size).toBeLessThan(4e-3);
  });
}

const fc = seeded(() => new nn.Linear(4, 4), 3);
const conv = seeded(() => new nn.Conv2d(4, 4, 3, { groups: 2, padding: [0, 1, 1, 0], stride: 2 }), 4);
const norm = seeded(() => new nn.BatchNorm2d(4));
norm.running_mean = floats([4], 5);
norm.weight = floats([4], 6);
norm.eval();
const unary = (f: (x: Tensor) => Tensor) => (x: Tensor) => f(fc.call(x));

/** What goes back through each op, behind a layer with parameters. */
const cases: Readonly<Record<string, readonly [make: (x: Tensor) => Tensor, dims: readonly number[]]>> = {
  'aten::linear': [unary((x) => x), [2, 3, 4]],
  'aten::conv': [(x) => conv.call(x), [2, 4, 5, 6]],
  'aten::batch_norm': [(x) => norm.call(F.sigmoid(conv.call(x))), [2, 4, 5, 6]],
  'aten::matmul': [(x) => F.matmul(fc.call(x), F.transpose(x, 1, 2)), [2, 3, 4]],
  'aten::softmax': [unary((x) => F.softmax(x)), [3, 4]],
  'aten::add': [(x) => F.add(fc.call(x), F.slice(x, 1, 0, 1)), [3, 4]],
  'aten::sub': [(x) => F.sub(F.slice(x, 0, 0, 1), fc.call(x)), [3, 4]],
  'aten::mul': [(x) => F.mul(fc.call(x), F.slice(x, 1, 0, 1)), [3, 4]],
  'aten::neg': [unary(F.neg), [3, 4]],
  'aten::relu': [unary(F.relu), [3, 4]],
  'aten::clamp': [unary((x) => F.clamp(x, -0.5, 0.7)), [3, 4]],
  'aten::leaky_relu': [unary((x) => F.leakyRelu(x, 0.2)), [3, 4]],
  'aten::elu': [unary((x) => F.celu(x, 0.7)), [3, 4]],
  'aten::sigmoid': [unary(F.sigmoid), [3, 4]],
  'aten::tanh': [unary(F.tanh), [3, 4]],
  'aten::silu': [unary(F.silu), [3, 4]],
  'aten::hardsigmoid': [unary((x) => F.hardsigmoid(F.mul(x, 3))), [3, 4]],
  'aten::hardswish': [unary((x) => F.hardswish(F.mul(x, 3))), [3, 4]],
  'aten::gelu': [unary(F.gelu), [3, 4]],
  'aten::gelu_tanh': [unary((x) => F.gelu(x, { approximate: 'tanh' })), [3, 4]],
  'aten::mean': [(x) => F.mean(conv.call(x), [-1, 1]), [2, 4, 5, 6]],
  'aten::max_pool': [(x) => F.maxPool2d(conv.call(x), 2, { stride: 1, padding: 1 }), [2, 4, 5, 6]],
  'aten::avg_pool': [(x) => F.avgPool2d(conv.call(x), [2, 3], { padding: [1, 1], ceilMode: true }), [2, 4, 6, 6]],
  'aten::adaptive_avg_pool': [(x) => F.adaptiveAvgPool2d(conv.call(x), [2, 2]), [1, 4, 6, 6]],
  'aten::cat': [(x) => F.cat([x, fc.call(x), x], 1), [3, 4]],
  'aten::reshape': [(x) => fc.call(F.reshape(x, [-1, 4])), [2, 8]],
  'aten::unsqueeze': [unary((x) => F.unsqueeze(x, 1)), [3, 4]],
  'aten::permute': [(x) => F.matmul(F.permute(x, [0, 2, 1]), fc.call(x)), [2, 3, 4]],
  'aten::select': [unary((x) => F.select(x, 1, -1)), [3, 4]],
  'aten::slice': [unary((x) => F.slice(x, 1, 1, 4, 2)), [3, 4]],
};

describe('gradients', () => {
  test.each(Object.entries(cases))('through %s are the slopes of the output', (op, [make, dims]) => {
    const qat = smooth(make, dims);
    expect(qat.print()).toContain(op);
    const x = floats(dims, 8, 1.3);
    const weights = floats(qat.run({ x }).output?.dims as number[], 9);
    const gradients = trainingStep(qat, { x }).backward({ output: weights });
    const evaluate = (feed: Tensor) => loss(qat.run({ x: feed }).output as Tensor, weights);
    expectNear(gradients.inputs.x, differences(x, evaluate));
    for (const [name, gradient] of Object.entries(gradients.parameters)) {
      const before = qat.get(name);
      const by = differences(before, (changed) => {
        qat.set(name, changed);
        return evaluate(x);
      });
      qat.set(name, before);
      expectNear(gradient, by);
    }
  });

  it('are checked for every rule', () => {
    // Made by tracing models of the hub alone; it moves elements as reshape does.
    const untested = Object.keys(GRADIENT_RULES).filter((op) => !Object.hasOwn(cases, op));
    expect(untested).toEqual(['octavo::flatten_to_matrix']);
  });

  it('are 0 where a value or a weight was clamped to the range of codes', () => {
    const layer = seeded(() => new nn.Linear(2, 1, { bias: false }));
    const qat = prepareQat(trace(layer, { x: floats([1, 2]) }), { '': qconfig });
    const row = (a: number, b: number) => F.reshape(F.cat([fill(a), fill(b)], 0), [1, 2]);
    qat.set('weight', row(1, 0.5));
    trainingStep(qat, { x: row(1, 0.25) });
    for (const { observer } of qat.observers.values()) (observer as FakeQuantize).observerEnabled = false;
    qat.set('weight', row(3, 0.5));
    const { parameters, inputs } = trainingStep(qat, { x: row(0.5, 8) }).backward({
      output: F.reshape(fill(1), [1, 1]),
    });
    expect((parameters.weight as Tensor).data[0]).toBe(0);
    expect((inputs.x as Tensor).data[1]).toBe(0);
  });

  it('say what they cannot go through, and what they were asked wrongly', () => {
    const qat = prepareQat(
      trace((x: Tensor) => F.erf(fc.call(x)), { x: floats([2, 4]) }),
      { '': qconfig },
    );
    const step = trainingStep(qat, { x: floats([2, 4]) });
    expect(() => step.backward({ output: floats([2, 4]) })).toThrow('aten::erf: gradients do not go through this op');
    expect(() => step.backward({ outptu: floats([2, 4]) })).toThrow("did you mean 'output'?");
    expect(() => step.backward({ output: floats([4, 2]) })).toThrow(
      "float32 gradient [2, 4] as output 'output' is, got float32 [4, 2]",
    );
    trainingStep(qat, { x: floats([2, 4]) });
    expect(() => step.backward({ output: floats([2, 4]) })).toThrow('the graph has changed since this forward');
    expect(() => trainingStep(trace(fc, { x: floats([2, 4]) }), { x: floats([2, 4]) })).toThrow(
      'a graph from prepareQat',
    );
  });
});

function fill(value: number): Tensor {
  return F.add(F.mul(floats([1]), 0), value);
}
