import { OctavoError } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { computes, floatIndexOf, floatOpOf } from './float-op.js';
import { isReal, readersOf, soleReader, sourceOf } from './flow.js';

/** A node of a converted graph and the nodes of the float graph that it stands for. */
export interface NodePair {
  /** Path of the module, with the op behind it where the module has several; unique. */
  readonly name: string;
  readonly converted: Node;
  /** The float op, then the batch norm that was folded into it and the activation of its epilogue. */
  readonly float: readonly [Node, ...Node[]];
}

/** What the last of a pair's float nodes gives: it corresponds to the converted node's output. */
export function floatResult({ float }: NodePair): Value {
  return (float.at(-1) as Node).output;
}

/**
 * Pairs the nodes of a converted graph (prepared, debug or quantized) with those of the float graph it was made from,
 * in the order of the converted one. Both graphs are followed from their inputs: a node's twin is the one of its float
 * op and scope that reads the twins of its operands. Where that thread breaks (a pass put other nodes there), an op
 * that its scope has once is found by scope alone. The same graphs always give the same pairs.
 */
export function pairNodes(float: Graph, converted: Graph): NodePair[] {
  return new Pairing(float, converted).pairs();
}

class Pairing {
  /** Values of the float graph by those of the converted graph. */
  private readonly twins = new Map<Value, Value>();
  private readonly taken = new Set<Node>();
  private readonly floatPlaces: ReadonlyMap<string, readonly Node[]>;
  private readonly convertedPlaces: ReadonlyMap<string, readonly Node[]>;

  constructor(
    float: Graph,
    private readonly converted: Graph,
  ) {
    checkInputs(float, converted);
    for (const input of converted.inputs) {
      this.twins.set(input, float.inputs.find(({ hint }) => hint === input.hint) as Value);
    }
    this.floatPlaces = byPlace(float);
    this.convertedPlaces = byPlace(converted);
  }

  pairs(): NodePair[] {
    const found: Omit<NodePair, 'name'>[] = [];
    for (const node of this.converted.nodes()) {
      const twin = computes(node) ? (this.follow(node) ?? this.inPlace(node)) : undefined;
      if (twin === undefined) continue;
      const float = chainOf(twin, node);
      for (const each of float) this.taken.add(each);
      node.outputs.forEach((output, i) => {
        const result = i === 0 ? (float.at(-1) as Node).output : twin.outputs[i];
        if (result !== undefined) this.twins.set(output, result);
      });
      if (isReal(node.output) && isReal((float.at(-1) as Node).output)) found.push({ converted: node, float });
    }
    return named(found);
  }

  /** The node that reads the twins of a node's operands. */
  private follow(node: Node): Node | undefined {
    const operands = node.inputs.map((input) => (input === null ? undefined : this.twins.get(sourceOf(input))));
    const first = operands.find((operand) => operand !== undefined);
    if (first === undefined) return undefined;
    return readersOf(first).find(
      (reader) =>
        this.fits(reader, node) &&
        operands.every((operand, i) => {
          const own = reader.inputs[floatIndexOf(node.op, i)];
          return operand === undefined || (own !== null && own !== undefined && sourceOf(own) === operand);
        }),
    );
  }

  private inPlace(node: Node): Node | undefined {
    const [candidates, rivals] = [this.floatPlaces, this.convertedPlaces].map((places) => places.get(placeOf(node)));
    const [only] = candidates ?? [];
    return candidates?.length === 1 && rivals?.length === 1 && only && this.fits(only, node) ? only : undefined;
  }

  private fits(float: Node, node: Node): boolean {
    return placeOf(float) === placeOf(node) && !this.taken.has(float);
  }
}

function placeOf({ op, scope }: Node): string {
  return `${floatOpOf(op)} ${scope}`;
}

function byPlace(graph: Graph): Map<string, Node[]> {
  const places = new Map<string, Node[]>();
  for (const node of graph.nodes()) {
    if (!computes(node)) continue;
    const known = places.get(placeOf(node));
    if (known === undefined) places.set(placeOf(node), [node]);
    else known.push(node);
  }
  return places;
}

const ACTIVATION_OPS: ReadonlySet<string> = new Set(['aten::relu', 'aten::clamp', 'aten::gelu', 'aten::gelu_tanh']);

/** The float nodes that one converted node does: its op, a batch norm that is gone, an activation in its epilogue. */
function chainOf(twin: Node, node: Node): [Node, ...Node[]] {
  const chain: [Node, ...Node[]] = [twin];
  const norm = soleReader(twin.output);
  const remains = readersOf(node.output).some(({ op }) => floatOpOf(op) === 'aten::batch_norm');
  if (norm?.op === 'aten::batch_norm' && !remains) chain.push(norm);
  const activation = soleReader((chain.at(-1) as Node).output);
  if (hasEpilogue(node) && !hasEpilogue(twin) && activation !== undefined && ACTIVATION_OPS.has(activation.op)) {
    chain.push(activation);
  }
  return chain;
}

function hasEpilogue({ attrs }: Node): boolean {
  return (attrs.activation ?? 0) !== 0 || (attrs.relu ?? 0) !== 0;
}

function checkInputs(float: Graph, converted: Graph): void {
  const [expected, got] = [float, converted].map(({ inputNames }) => inputNames.join(', '));
  if (expected === got) return;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `[compare] expected two graphs of one model, but the inputs of one are ${expected}, and of the other ${got}`,
  );
}

/**
 * The path of each pair's module, with the op behind it where the module has several, and a number where it has it
 * again.
 */
function named(pairs: readonly Omit<NodePair, 'name'>[]): NodePair[] {
  const ops = new Map<string, Set<string>>();
  for (const { float } of pairs) {
    const [{ op, scope }] = float;
    ops.set(scope, (ops.get(scope) ?? new Set()).add(op));
  }
  const counts = new Map<string, number>();
  return pairs.map((pair) => {
    const [{ op, scope }] = pair.float;
    const short = op.slice(op.indexOf('::') + 2);
    const wanted = scope === '' ? short : ops.get(scope)?.size === 1 ? scope : `${scope}.${short}`;
    const before = counts.get(wanted) ?? 0;
    counts.set(wanted, before + 1);
    return { name: before === 0 ? wanted : `${wanted}_${before}`, ...pair };
  });
}
