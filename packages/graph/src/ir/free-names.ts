import type { Graph } from './graph.js';

/** Finds names for new parameters of a graph: `wanted`, or `wanted_1`, `wanted_2`, ... where that is taken. */
export class FreeNames {
  private readonly graph: Graph;
  // Where the search for a name left off: thousands of parameters may want the same one.
  private readonly counts = new Map<string, number>();

  constructor(graph: Graph) {
    this.graph = graph;
  }

  find(wanted: string): string {
    let count = this.counts.get(wanted) ?? 0;
    let name = count === 0 ? wanted : `${wanted}_${count}`;
    while (this.graph.parameters.has(name) || this.graph.frozen.has(name)) name = `${wanted}_${++count}`;
    this.counts.set(wanted, count);
    return name;
  }
}
