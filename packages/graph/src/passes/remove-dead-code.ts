import type { Graph } from '../ir/graph.js';
import { attributeName, GET_ATTR } from '../ir/leaf-nodes.js';
import { OBSERVE, observerName } from '../ir/observer-spec.js';

/** How far a graph's edits had come when it was last cleaned: most passes find nothing, and then there is nothing to do. */
const cleaned = new WeakMap<Graph, number>();

/** Removes nodes that no output depends on, and parameters and observers that no node reads. Inputs stay. */
export function removeDeadCode(graph: Graph): Graph {
  if (cleaned.get(graph) === graph.version) return graph;
  const parameters = new Set<string>();
  const observers = new Set<string>();
  for (const node of graph.nodesBackwards()) {
    // Whoever reads a node stands behind it, and is gone by now if it is dead.
    if (!node.isUsed) node.remove();
    else if (node.op === GET_ATTR) parameters.add(attributeName(node));
    else if (node.op === OBSERVE) observers.add(observerName(node));
  }
  keepOnly(graph.parameters, parameters);
  keepOnly(graph.observers, observers);
  cleaned.set(graph, graph.version);
  return graph;
}

function keepOnly(entries: Map<string, unknown>, names: ReadonlySet<string>): void {
  if (entries.size === names.size) return; // What nodes read is there.
  for (const name of entries.keys()) if (!names.has(name)) entries.delete(name);
}
