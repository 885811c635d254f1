import type { Graph } from '../ir/graph.js';
import { OBSERVE } from '../ir/observer-spec.js';

/** Removes observers: what they observed flows on. */
export function dropObservers(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    if (node.op !== OBSERVE) continue;
    node.output.replaceUses(node.input(0));
    node.remove();
  }
  graph.observers.clear();
  return graph;
}
