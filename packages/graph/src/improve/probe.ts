import type { Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import type { Value } from '../ir/value.js';
import { removeDeadCode } from '../passes/remove-dead-code.js';
import { type Batches, eachBatch } from '../run/each-batch.js';

/**
 * Runs a clone of `graph` on every batch with `values`, by name, as its only outputs, and shows them to `visit`. Memory
 * holds one batch's values.
 */
export async function probe(
  verb: string,
  graph: Graph,
  values: ReadonlyMap<string, Value>,
  batches: Batches,
  visit: (values: Readonly<Record<string, Tensor<'float32'>>>) => void,
): Promise<void> {
  if (values.size === 0) return;
  const indices = new Map([...values].map(([name, value]) => [name, placeOf(value)]));
  const clone = graph.clone();
  const nodes = new Map([...clone.nodes()].map((node) => [node.id, node]));
  clone.setOutputs(
    [...indices].map(([name, { input, node, output }]) => [
      name,
      (input >= 0 ? clone.inputs[input] : nodes.get(node)?.outputs[output]) as Value,
    ]),
  );
  using runner = removeDeadCode(clone);
  await eachBatch(verb, batches, {}, async (feeds, options) => {
    visit((await runner.runAsync(feeds, options)) as Record<string, Tensor<'float32'>>);
  });
}

/** Where a value stands in its graph; a clone has it in the same place. */
function placeOf(value: Value): { input: number; node: number; output: number } {
  return {
    input: value.node.graph.inputs.indexOf(value),
    node: value.node.id,
    output: value.node.outputs.indexOf(value),
  };
}
