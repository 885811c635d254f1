import type { Graph } from '../ir/graph.js';
import { attributeName, GET_ATTR } from '../ir/leaf-nodes.js';
import { OBSERVE, observerName } from '../ir/observer-spec.js';

/** Removes nodes that no output depends on, and parameters and observers that no node reads. Inputs stay. */
export function removeDeadCode(graph: Graph): Graph {
  for (const node of graph.nodesBackwards()) {
    if (!node.outputs.some((output) => output.isUsed)) node.remove();
  }
  const parameters = new Set<string>();
  const observers = new Set<string>();
  for (const node of graph.nodes()) {
    if (node.op === GET_ATTR) parameters.add(attributeName(node));
    if (node.op === OBSERVE) observers.add(observerName(node));
  }
  for (const name of graph.parameters.keys()) if (!parameters.has(name)) graph.parameters.delete(name);
  for (const name of graph.observers.keys()) if (!observers.has(name)) graph.observers.delete(name);
  return graph;
}
