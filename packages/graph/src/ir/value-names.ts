import type { Graph } from './graph.js';
import type { Value } from './value.js';

/**
 * What `print` and messages call each value: inputs by name, hinted values as `hint.1`, `hint.2`, all others by their
 * place among all values. Depends on nothing but the order of nodes.
 */
export function nameValues(graph: Graph): Map<Value, string> {
  const names = new Map<Value, string>();
  const taken = new Set(['self']);
  const counts = new Map<string, number>();
  for (const input of graph.inputs) {
    const plain = identifier(input.hint);
    let count = counts.get(plain) ?? 0;
    let name = count === 0 ? plain : `${plain}.${count}`;
    while (taken.has(name)) name = `${plain}.${++count}`;
    counts.set(plain, count);
    taken.add(name);
    names.set(input, name);
  }
  for (const node of graph.nodes()) {
    for (const output of node.outputs) names.set(output, nameOf(output.hint, names.size + 1, counts, taken));
  }
  return names;
}

function nameOf(hint: string, place: number, counts: Map<string, number>, taken: Set<string>): string {
  if (hint === '') return String(place);
  const plain = identifier(hint);
  let name: string;
  do {
    const count = (counts.get(plain) ?? 0) + 1;
    counts.set(plain, count);
    name = `${plain}.${count}`;
  } while (taken.has(name));
  return name;
}

/** `text` with everything but letters, digits and underscores replaced; never starting with a digit. */
function identifier(text: string): string {
  const plain = text.replace(/[^A-Za-z0-9_]/g, '_');
  return /^[A-Za-z_]/.test(plain) ? plain : `_${plain}`;
}
