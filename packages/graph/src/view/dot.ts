import type { Graph } from '../ir/graph.js';
import { COLOURS, drawnNodes } from './node-precision.js';

/**
 * The graph for Graphviz (`dot -Tsvg`): one box a node, green on int8 codes, orange on floats, grey where one becomes
 * the other. Parameters and constants are left out.
 */
export function toDot(graph: Graph): string {
  const nodes = drawnNodes(graph);
  const boxes = nodes.map(({ id, title, scope, type, precision }) => {
    const label = [title, ...(scope === '' ? [] : [scope]), type].map(quoted).join('\\n');
    return `  ${id} [label="${label}", fillcolor="${COLOURS[precision]}", tooltip="${precision}"];`;
  });
  const edges = nodes.flatMap(({ id, from }) => from.map((source) => `  ${source} -> ${id};`));
  const head = `digraph "${quoted(graph.name)}" {\n  node [shape=box, style="rounded,filled", fontname="monospace", fontsize=10];`;
  return `${[head, ...boxes, ...edges].join('\n')}\n}\n`;
}

function quoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}
