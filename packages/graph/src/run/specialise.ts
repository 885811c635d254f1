import { type Attrs, type DType, Tensor } from '@octavo/core';
import { applyRule } from '../import/apply-rule.js';
import { deferredRule, foreignNode, IF } from '../import/deferred-nodes.js';
import { GraphBuilder } from '../import/graph-builder.js';
import type { Rule } from '../import/rule.js';
import { Graph } from '../ir/graph.js';
import { CONSTANT, leafOperand } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { bindQParams } from '../passes/bind-qparams.js';
import { dropObservers } from '../passes/drop-observers.js';
import { emulateFakeQuantize } from '../passes/emulate-fake-quantize.js';
import { runPasses } from '../passes/pass.js';
import { removeDeadCode } from '../passes/remove-dead-code.js';

/** What a run says of an input: dtype and dims, or all of it. */
export type KnownInput = { readonly dtype: DType; readonly dims: readonly number[] } | Tensor;

export interface Specialised {
  readonly graph: Graph;
  /** True where nodes are left that need the values of inputs, and not only their dims. */
  readonly needsValues: boolean;
}

/**
 * The graph for inputs of which the dims are known: everything that depends on dims alone is computed, and nodes that
 * were put off become ops. Where inputs are given as tensors, everything is: the outputs are then constants.
 */
export function specialise(graph: Graph, inputs: readonly KnownInput[]): Specialised {
  const source = runPasses(graph.cloneSharingObservers(), [emulateFakeQuantize, dropObservers, bindQParams]);
  const result = new Graph(graph.name);
  result.stage = graph.stage;
  const builder = new GraphBuilder(result, { foldedBytes: Number.POSITIVE_INFINITY, tolerant: true });
  const values = source.valueTable<Value>();
  source.inputs.forEach((input, i) => {
    const known = inputs[i] as KnownInput;
    // A constant of its own, even where a tensor is fed twice or is a parameter.
    const value = Tensor.is(known)
      ? builder.constant(new Tensor(known.type, known.raw.data as never, known.raw.dims))
      : builder.input(input.hint, known);
    values[input.id] = value;
  });
  for (const node of source.nodes()) {
    const operands = node.inputs.map((input) => (input === null ? null : (values[input.id] as Value)));
    builder.scope = node.scope;
    const outputs = rebuilt(builder, node, operands);
    node.outputs.forEach((output, i) => {
      values[output.id] = outputs[i] as Value;
    });
  }
  for (const { name, value } of source.outputs) result.addOutput(name, values[value.id] as Value);
  removeDeadCode(result);
  return { graph: result, needsValues: checkLeft(builder) };
}

function rebuilt(builder: GraphBuilder, node: Node, operands: readonly (Value | null)[]): readonly Value[] {
  const leaf = node.inputs.length === 0 ? leafOperand(node.output) : undefined;
  if (leaf !== undefined) {
    const name = node.op === CONSTANT ? '' : String(node.attrs.name);
    return [Tensor.is(leaf) && name === '' ? builder.constant(leaf) : builder.parameter(name, leaf)];
  }
  if (node.op === IF) return [picked(builder, node, operands as readonly Value[])];
  const rule = deferredRule(node.op);
  return rule === undefined
    ? builder.ops(node.op, operands, node.attrs as Attrs)
    : ruled(builder, rule, node, operands);
}

/** The branch of a known condition; else the node as it is. */
function picked(builder: GraphBuilder, node: Node, [condition, then, otherwise]: readonly Value[]): Value {
  const known = builder.tensor(condition as Value)?.raw.data[0];
  if (known !== undefined) return (Number(known) === 0 ? otherwise : then) as Value;
  return builder.insert(IF, [condition, then, otherwise] as Value[], {}, [unknown(node.output)])[0] as Value;
}

function ruled(builder: GraphBuilder, rule: Rule, node: Node, operands: readonly (Value | null)[]): readonly Value[] {
  const keep = (): readonly Value[] => builder.insert(node.op, operands, node.attrs, node.outputs.map(unknown));
  try {
    return applyRule(builder, rule, foreignNode(node, operands)) ?? keep();
  } catch (error) {
    return builder.fail(error, keep);
  }
}

function unknown({ type }: Value) {
  return { dtype: (type.kind === 'tensor' ? type.dtype : 'float32') as DType, dims: null };
}

/** Throws what a node that is still needed failed with; tells whether one is left that waits for values. */
function checkLeft(builder: GraphBuilder): boolean {
  let waits = false;
  for (const node of builder.graph.nodes()) {
    for (const output of node.outputs) {
      const failure = builder.failures.get(output);
      if (failure !== undefined) throw failure;
    }
    waits ||= node.op === IF || deferredRule(node.op) !== undefined;
  }
  return waits;
}
