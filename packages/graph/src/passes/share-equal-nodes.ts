import { DTYPES, sizeOf, Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { leafOperand } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';

/** Constants up to this size are compared by content, larger ones by the array they lie in. */
const COMPARED_BYTES = 4096;

/**
 * Merges nodes that must give the same values: the same op, attributes and operands. All ops are pure, so Q, K and V
 * come to share one quantized input, and each constant is stored once.
 */
export function shareEqualNodes(graph: Graph): Graph {
  const identities = new Identities();
  const seen = new Map<string, Node>();
  for (const node of graph.nodes()) {
    const key = keyOf(node, identities);
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, node);
      continue;
    }
    node.outputs.forEach((output, i) => {
      output.replaceUses(first.outputs[i] as Value);
    });
    node.remove();
  }
  return graph;
}

function keyOf(node: Node, identities: Identities): string {
  const leaf = node.inputs.length === 0 ? leafOperand(node.output) : undefined;
  if (Tensor.is(leaf)) return leafKey(leaf, identities);
  if (leaf !== undefined) return `packed ${identities.of(leaf)}`;
  const operands = node.inputs.map((input) => input?.id ?? '-');
  const attrs = Object.entries(node.attrs).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${node.op} ${operands.join()} ${JSON.stringify(attrs)}`;
}

function leafKey({ type, raw }: Tensor, identities: Identities): string {
  const { dims } = raw;
  const isLarge = sizeOf(dims) * DTYPES[type].bytes > COMPARED_BYTES;
  // An array that nobody has seen is of one tensor, and stays unseen.
  if (isLarge) return `leaf ${type} ${dims.join()} ${identities.of(raw.unseen ? raw : raw.data)}`;
  const { buffer, byteOffset, byteLength } = raw.data;
  return `leaf ${type} ${dims.join()} = ${new Uint8Array(buffer, byteOffset, byteLength).join()}`;
}

/** A number for every object, the same each time. */
class Identities {
  private readonly numbers = new WeakMap<object, number>();
  private count = 0;

  of(object: object): number {
    const known = this.numbers.get(object);
    if (known !== undefined) return known;
    this.numbers.set(object, ++this.count);
    return this.count;
  }
}
