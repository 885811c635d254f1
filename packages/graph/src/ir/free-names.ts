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
    if (!this.isTaken(wanted)) return wanted;
    let count = this.counts.get(wanted) ?? 1;
    while (this.isTaken(`${wanted}_${count}`)) count++;
    this.counts.set(wanted, count);
    return `${wanted}_${count}`;
  }

  private isTaken(name: string): boolean {
    return this.graph.parameters.has(name) || this.graph.frozen.has(name);
  }
}
