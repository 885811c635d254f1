import { didYouMean, F, formatDims, OctavoError, Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { attributeName, GET_ATTR } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { fakeQuantizeOf, OBSERVE } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';
import type { Feeds } from '../run/check-feeds.js';
import { GRADIENT_RULES } from './gradient-rules.js';
import { place, type Values, walk } from './walk.js';

/** The derivatives of a loss, float32, with the dims of what they belong to. */
export interface GraphGradients {
  /** By qualified name, as `graph.get` and `graph.set` take it; float parameters that the loss depends on. */
  readonly parameters: Readonly<Record<string, Tensor>>;
  /** By name of a float input. */
  readonly inputs: Readonly<Record<string, Tensor>>;
}

export interface TrainingStep {
  /** What the graph computes in this forward, rounded by the ranges that this batch has moved. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** The gradients of a loss, from its derivatives by outputs (float32 of their dims; one left out counts as 0). */
  backward(gradients: Readonly<Record<string, Tensor>>): GraphGradients;
}

/**
 * One forward of training through a graph from `prepareQat`: ranges follow the batch, values are rounded, and
 * `backward` goes back through it. Rounding counts as the identity (the straight-through estimator), and values beyond
 * the range of codes get 0. Loss, optimiser and loop are the caller's:
 * `graph.set(name, F.sub(graph.get(name), F.mul(gradient, rate)))`.
 *
 * Gradients go through linears, convolutions, batch norms of running statistics, activations, sums, products, pools,
 * means, softmax and ops that move elements. A float op without a rule between a parameter and the loss is an
 * UNSUPPORTED error.
 */
export function trainingStep(graph: Graph, feeds: Feeds): TrainingStep {
  const rounds = typeof graph?.nodes === 'function' && [...graph.nodes()].some((node) => fakeQuantizeOf(node));
  if (!rounds) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      '[trainingStep] expected a graph from prepareQat that fake-quantizes something',
    );
  }
  const values = walk('trainingStep', graph, feeds);
  const version = graph.version;
  const outputs = Object.fromEntries(graph.outputs.map(({ name, value }) => [name, values.get(value) as Tensor]));
  return {
    outputs,
    backward(gradients) {
      if (graph.version !== version) {
        throw new OctavoError(
          'INVALID_ARGUMENT',
          '[backward] the graph has changed since this forward; go back through a forward before the next one, and before graph.set',
        );
      }
      return backward(graph, values, gradients);
    },
  };
}

function backward(graph: Graph, values: Values, given: Readonly<Record<string, Tensor>>): GraphGradients {
  const gradients = new Gradients();
  const names = graph.outputNames;
  for (const [name, gradient] of Object.entries(given)) {
    const output = graph.outputs.find((each) => each.name === name)?.value;
    if (output === undefined) {
      throw new OctavoError('UNKNOWN_NAME', `[backward] this graph has no output '${name}'${didYouMean(name, names)}`);
    }
    gradients.add(output, checked(name, gradient, values.get(output) as Tensor));
  }
  const trained = trainedValues(graph);
  for (const node of graph.nodesBackwards()) {
    const [output] = node.outputs as readonly [Value];
    const gradient = gradients.of(output);
    if (node.op === GET_ATTR || gradient === undefined || !trained.has(output)) continue;
    const operands = node.inputs.map((input) => (input && values.get(input)) as Tensor);
    const results = resultsOf(node, operands, values.get(output) as Tensor, gradient);
    node.inputs.forEach((input, i) => {
      const result = results[i];
      if (input && result && trained.has(input)) gradients.add(input, result);
    });
  }
  const parameters: Record<string, Tensor> = {};
  for (const node of graph.nodes()) {
    const gradient = node.op === GET_ATTR ? gradients.of(node.output) : undefined;
    if (gradient === undefined) continue;
    const name = attributeName(node);
    const before = parameters[name];
    parameters[name] = before === undefined ? gradient : F.add(before, gradient);
  }
  const inputs = graph.inputs.flatMap((input) => {
    const gradient = gradients.of(input);
    return gradient === undefined ? [] : [[input.hint, gradient] as const];
  });
  return { parameters, inputs: Object.fromEntries(inputs) };
}

/** Gradients by value, added up. */
class Gradients {
  private readonly sums = new Map<Value, Tensor>();

  of(value: Value): Tensor | undefined {
    return this.sums.get(value);
  }

  add(value: Value, gradient: Tensor): void {
    const sum = this.sums.get(value);
    this.sums.set(value, sum === undefined ? gradient : F.add(sum, gradient));
  }
}

/** Values that depend on a float parameter or a float input by float ops alone. */
function trainedValues(graph: Graph): Set<Value> {
  const trained = new Set(graph.inputs.filter(isFloat));
  for (const node of graph.nodes()) {
    const depends = node.op === GET_ATTR || node.inputs.some((input) => input !== null && trained.has(input));
    if (depends) for (const output of node.outputs) if (isFloat(output)) trained.add(output);
  }
  return trained;
}

function isFloat({ type }: Value): boolean {
  return type.kind === 'tensor' && type.dtype === 'float32';
}

function resultsOf(node: Node, operands: readonly Tensor[], output: Tensor, gradient: Tensor) {
  if (node.op === OBSERVE) {
    const quantizer = fakeQuantizeOf(node);
    return [quantizer ? F.mul(gradient, quantizer.gradient(operands[0] as Tensor)) : gradient];
  }
  const rule = Object.hasOwn(GRADIENT_RULES, node.op) ? GRADIENT_RULES[node.op] : undefined;
  if (rule !== undefined && (node.attrs.activation ?? 0) === 0) return rule({ node, operands, output, gradient });
  throw new OctavoError(
    'UNSUPPORTED',
    `[backward] ${place(node)}: gradients do not go through this op; train the part behind it, or the modules by eager's prepareQat`,
    { details: { op: node.op, scope: node.scope } },
  );
}

function checked(name: string, gradient: Tensor, output: Tensor): Tensor {
  const fits =
    Tensor.is(gradient) && gradient.type === 'float32' && gradient.raw.dims.join() === output.raw.dims.join();
  if (fits) return gradient;
  throw new OctavoError(
    'INVALID_SHAPE',
    `[backward] expected a float32 gradient ${formatDims(output.raw.dims)} as output '${name}' is, got ` +
      (Tensor.is(gradient) ? `${gradient.type} ${formatDims(gradient.raw.dims)}` : typeof gradient),
  );
}
