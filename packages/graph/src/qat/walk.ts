import {
  type Attrs,
  dispatch,
  isOctavoError,
  OctavoError,
  OPS,
  type Operand,
  opByName,
  type Tensor,
} from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { leafOperand } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { OBSERVE, observerName } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';
import { checkFeeds, type Feeds } from '../run/check-feeds.js';

/** Every value of a graph in one forward. */
export type Values = Map<Value, Operand>;

/**
 * A forward through a graph of `prepareQat`, node by node: every fake quantizer sees its value, learns its range, and
 * passes on what it then rounds to, so that what follows sees the rounding of the very batch. Operands that are
 * observed and not fake-quantized pass as they are.
 */
export function walk(verb: string, graph: Graph, feeds: Feeds, { signal }: { signal?: AbortSignal } = {}): Values {
  const fed = checkFeeds(graph, feeds);
  const values: Values = new Map(graph.inputs.map((input) => [input, fed.get(input.hint) as Tensor]));
  for (const node of graph.nodes()) {
    if (signal?.aborted) throw new OctavoError('ABORTED', `[${verb}] aborted by its signal`, { cause: signal.reason });
    const leaf = leafOperand(node.output);
    const results = leaf === undefined ? computed(verb, node, values) : [leaf];
    node.outputs.forEach((output, i) => {
      values.set(output, results[i] as Operand);
    });
  }
  // Ranges have moved: what was compiled of the graph rounds by older ones.
  graph.touch();
  return values;
}

function computed(verb: string, node: Node, values: Values): Operand[] {
  const operands = node.inputs.map((input) => (input === null ? null : (values.get(input) as Operand)));
  if (node.op === OBSERVE) return [observed(node, operands[0] as Tensor)];
  if (!Object.hasOwn(OPS, node.op)) {
    throw new OctavoError(
      'UNSUPPORTED',
      `[${verb}] ${place(node)}: its shape depends on the inputs' dims or values, and training runs node by node; ` +
        'import the model with fixed input dims',
      { details: { op: node.op, scope: node.scope } },
    );
  }
  try {
    return dispatch(opByName(node.op), operands, node.attrs as Attrs);
  } catch (error) {
    if (!isOctavoError(error)) throw error;
    throw new OctavoError(error.code, `${place(node)}: ${error.message}`, { cause: error, details: error.details });
  }
}

function observed(node: Node, x: Tensor): Tensor {
  const result = node.graph.observers.get(observerName(node))?.observer?.observe(x) ?? x;
  return node.attrs.fakeQuantize === 1 ? result : x;
}

/** `fc1 (aten::linear)`, or the op alone outside of modules. */
export function place({ scope, op }: Node): string {
  return scope === '' ? op : `${scope} (${op})`;
}
