import type { Graph } from '../ir/graph.js';
import type { Value } from '../ir/value.js';
import { removeDeadCode } from '../passes/remove-dead-code.js';
import { asFloat } from './flow.js';

/**
 * A graph of the same inputs whose outputs are these values, codes as the floats they stand for: by name, in the order
 * given. Ids are the same in clones, so values of `graph` say which.
 */
export function probeOf(graph: Graph, values: Iterable<readonly [name: string, value: Value]>): Graph {
  const probe = graph.clone();
  const own = valuesById(probe);
  const outputs = [...values].map(([name, { id }]) => [name, asFloat(probe, own.get(id) as Value)] as const);
  probe.setOutputs(outputs);
  return removeDeadCode(probe);
}

/** All values of a graph by their ids. */
export function valuesById(graph: Graph): Map<number, Value> {
  const values = new Map(graph.inputs.map((input) => [input.id, input]));
  for (const { outputs } of graph.nodes()) for (const output of outputs) values.set(output.id, output);
  return values;
}
