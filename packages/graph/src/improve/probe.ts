import type { Tensor } from '@octavo/core';
import { probeOf } from '../compare/probe.js';
import type { Graph } from '../ir/graph.js';
import type { Value } from '../ir/value.js';
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
  using runner = probeOf(graph, values);
  await eachBatch(verb, batches, {}, async (feeds, options) => {
    visit((await runner.runAsync(feeds, options)) as Record<string, Tensor<'float32'>>);
  });
}
