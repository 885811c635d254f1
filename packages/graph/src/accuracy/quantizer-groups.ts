import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import { OBSERVE, observerName } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';
import { removeDeadCode } from '../passes/remove-dead-code.js';
import { activationsOf, epilogueCode, type StaticOp, staticOpOf } from '../static/static-ops.js';

/**
 * What of a prepared graph can only go back to float together: one observed activation, the ops that read it, and
 * their weights. After NNCF's groups of quantizers
 * (https://github.com/openvinotoolkit/nncf, algorithms/accuracy_control).
 */
export interface QuantizerGroup {
  /** The observer's name in `graph.observers`: the group's identity. */
  readonly observer: string;
  /** What makes the activation, for people: `layer1.0.relu`, or an input's name. */
  readonly activation: string;
  /** Paths of the weighted ops that read it, through pools and reshapes. */
  readonly layers: readonly string[];
}

/** All groups of a prepared graph, in the order of their activations. */
export function quantizerGroups(prepared: Graph): QuantizerGroup[] {
  const groups: QuantizerGroup[] = [];
  for (const node of prepared.nodes()) {
    if (node.op !== OBSERVE) continue;
    const observer = observerName(node);
    const spec = prepared.observers.get(observer);
    if (spec?.role !== 'activation' || spec.observer === undefined) continue;
    const source = node.input(0);
    const activation = source.isInput ? source.hint : source.node.scope || source.node.op;
    groups.push({ observer, activation, layers: [...new Set(weightedReaders(node.output).map(pathOf))] });
  }
  return groups;
}

/**
 * The prepared graph without the observers of some groups: their activations stay float, and so do the ops that read
 * them, with their weights as they were. So do the ops that make them, whose int8 form has codes for a result; with
 * `emulated`, those keep rounded weights, so that the graph shows what the remaining quantizers do and nothing else.
 */
export function withoutGroups(
  prepared: Graph,
  observers: ReadonlySet<string>,
  { emulated = false }: { emulated?: boolean } = {},
): Graph {
  const graph = prepared.clone();
  for (const node of graph.nodes()) {
    if (node.op === OBSERVE && observers.has(observerName(node))) drop(node);
  }
  for (const node of graph.nodes()) {
    const op = staticOpOf(node);
    if (op?.kind !== 'weighted') continue;
    if (isObserved(node.input(0)) && (emulated || isResultObserved(node, op))) continue;
    const weight = node.input(1).node;
    if (weight.op === OBSERVE) node.setInput(1, weight.input(0));
    node.note = 'given back to float for its accuracy';
  }
  return removeDeadCode(graph);
}

function drop(observe: Node): void {
  observe.output.replaceUses(observe.input(0));
  observe.remove();
}

/** True for a value whose codes will be known: an observed one, or what pools and reshapes make of it. */
function isObserved(value: Value): boolean {
  for (let { node } = value; ; node = node.input(0).node) {
    if (node.op === OBSERVE) return true;
    if (staticOpOf(node)?.kind !== 'inherited') return false;
  }
}

/** True where an op's result, or that of the activation in its epilogue, is observed. */
function isResultObserved({ output }: Node, { epilogue = [] }: StaticOp): boolean {
  const reader = output.onlyUser;
  if (reader?.op === OBSERVE) return true;
  return reader !== undefined && epilogue.includes(epilogueCode(reader)) && reader.output.onlyUser?.op === OBSERVE;
}

/** The weighted ops that read a value, directly or through ops that keep its qparams. */
function weightedReaders(value: Value): Node[] {
  return value.uses.flatMap(({ node }) => {
    const op = staticOpOf(node);
    if (op === undefined || !activationsOf(node, op).includes(value)) return [];
    if (op.kind === 'weighted') return [node];
    return op.kind === 'inherited' ? weightedReaders(node.output) : [];
  });
}

function pathOf({ scope, op }: Node): string {
  return scope || op;
}
