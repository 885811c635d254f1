import type { Graph } from '../ir/graph.js';

/**
 * One rewriting of a graph. It edits the graph it is given and returns it, keeps what the graph computes unless its
 * docstring says otherwise, and running it a second time changes nothing.
 */
export type Pass = (graph: Graph) => Graph;

/** All passes in order. */
export function runPasses(graph: Graph, passes: readonly Pass[]): Graph {
  return passes.reduce((current, pass) => pass(current), graph);
}
