import type { Tensor } from '@octavo/core';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import { attributeName, attributeSpec, constantSpec, GET_ATTR } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';

/**
 * Gives a node another constant operand. The parameter keeps its name where this node alone reads it; where others do,
 * they keep what they have, and the new one gets a name like it.
 */
export function replaceParameter(node: Node, index: number, tensor: Tensor): void {
  const { graph } = node;
  const leaf = node.input(index).node;
  if (leaf.op !== GET_ATTR) {
    node.setInput(index, graph.insert(constantSpec(tensor), node).output);
    return;
  }
  const name = attributeName(leaf);
  const mine = leaf.output.onlyUser === node && readersOf(graph, name) === 1;
  const free = mine ? name : new FreeNames(graph).find(name);
  graph.parameters.set(free, tensor);
  node.setInput(index, graph.insert(attributeSpec(free, tensor), node).output);
  if (mine) leaf.remove();
}

function readersOf(graph: Graph, name: string): number {
  let readers = 0;
  for (const node of graph.nodes()) if (node.op === GET_ATTR && attributeName(node) === name) readers++;
  return readers;
}
