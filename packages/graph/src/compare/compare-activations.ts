import type { Tensor } from '@octavo/core';
import { Comparison, type ComparisonRow } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import type { Value } from '../ir/value.js';
import { type Batches, type BatchOptions, eachBatch } from '../run/each-batch.js';
import { isReal, settled } from './flow.js';
import { floatResult, pairNodes } from './node-pairs.js';
import { probeOf } from './probe.js';

/** One row in the making, with the value of either graph that it looks at. */
interface Watched {
  readonly comparison: Comparison;
  readonly float: Value;
  readonly converted: Value;
}

/**
 * What every node of a converted graph (prepared, debug or quantized) gives, beside what the float graph gives there: a
 * row of kind 'activation' a node, in the graph's order, and one of kind 'output' an output of the graph. Errors of the
 * nodes before are in each row; `compareShadow` has a node's own. Nodes without a float counterpart have no row.
 *
 * Runs both graphs on one batch after another and keeps sums only: memory holds one batch's values.
 */
export async function compareActivations(
  float: Graph,
  converted: Graph,
  batches: Batches,
  options: BatchOptions = {},
): Promise<ComparisonRow[]> {
  const watched = [...watchNodes(float, converted), ...watchOutputs(float, converted)];
  const named = (side: 'float' | 'converted') => watched.map((each, i) => [String(i), each[side]] as const);
  const probes = [probeOf(float, named('float')), probeOf(converted, named('converted'))] as const;
  try {
    await eachBatch('compareActivations', batches, options, async (feeds, run) => {
      const [a, b] = [await probes[0].runAsync(feeds, run), await probes[1].runAsync(feeds, run)];
      watched.forEach(({ comparison }, i) => {
        comparison.add(a[i] as Tensor, b[i] as Tensor);
      });
    });
  } finally {
    for (const probe of probes) probe.dispose();
  }
  return watched.map(({ comparison }) => comparison.row());
}

function watchNodes(float: Graph, converted: Graph): Watched[] {
  return pairNodes(float, converted).map((pair) => ({
    comparison: new Comparison(pair.name, 'activation', pair.converted.op),
    float: floatResult(pair),
    converted: settled(pair.converted.output),
  }));
}

/** Outputs that both graphs have, ids and the like left out. */
function watchOutputs(float: Graph, converted: Graph): Watched[] {
  return converted.outputs.flatMap(({ name, value }) => {
    const twin = float.outputs.find((output) => output.name === name)?.value;
    if (twin === undefined || !isReal(twin) || !isReal(value)) return [];
    return [{ comparison: new Comparison(name, 'output'), float: twin, converted: value }];
  });
}
