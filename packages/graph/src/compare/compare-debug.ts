import { OctavoError, type Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import type { Value } from '../ir/value.js';
import { type Batches, type BatchOptions, eachBatch } from '../run/each-batch.js';
import { floatOpOf } from './float-op.js';
import { settled, sourceOf } from './flow.js';
import { floatResult, type NodePair, pairNodes } from './node-pairs.js';
import { probeOf } from './probe.js';

/** A node whose results are not the same bits in the debug graph and in the int8 graph. */
export interface DebugDifference {
  readonly name: string;
  /** The int8 graph's op. */
  readonly op: string;
  readonly elements: number;
  /** How many of them differ. */
  readonly differing: number;
  /** The largest difference, in the values' own units. */
  readonly maxAbsError: number;
  readonly reason: string;
}

export interface DebugComparison {
  /** How many nodes were compared. */
  readonly nodes: number;
  /** Those that differ, in the graph's order. */
  readonly differences: readonly DebugDifference[];
}

/** Why an int8 op and its float emulation may differ on the same operands, by the float op. */
const OWN_REASONS: Readonly<Record<string, string>> = {
  'aten::linear': 'int8 products are summed exactly; debug rounds its float32 sum at every step',
  'aten::conv': 'int8 products are summed exactly; debug rounds its float32 sum at every step',
  'aten::conv_transpose': 'int8 products are summed exactly; debug rounds its float32 sum at every step',
  'aten::matmul': 'int8 products are summed exactly; debug rounds its float32 sum at every step',
};
const OTHER_REASON = 'int8 rounds once from codes to codes; debug rounds to float32 and then to codes';

/**
 * A debug graph beside the int8 graph of the same `prepare`, node by node and bit by bit: lists every node whose
 * results differ in a batch, and why. Codes are compared as the floats they stand for.
 */
export async function compareDebug(
  debug: Graph,
  quantized: Graph,
  batches: Batches,
  options: BatchOptions = {},
): Promise<DebugComparison> {
  if (debug.stage !== 'debug' || quantized.stage !== 'quantized') {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[compareDebug] expected a debug graph and a quantized one, in this order; got ${debug.stage} and ${quantized.stage}`,
    );
  }
  const pairs = pairNodes(debug, quantized);
  const counts = pairs.map(() => new BitCounts());
  const probes = [
    probeOf(
      debug,
      pairs.map((pair, i) => [String(i), settled(floatResult(pair))]),
    ),
    probeOf(
      quantized,
      pairs.map(({ converted }, i) => [String(i), settled(converted.output)]),
    ),
  ] as const;
  try {
    await eachBatch('compareDebug', batches, options, async (feeds, run) => {
      const [a, b] = [await probes[0].runAsync(feeds, run), await probes[1].runAsync(feeds, run)];
      counts.forEach((count, i) => {
        count.add(a[i] as Tensor<'float32'>, b[i] as Tensor<'float32'>);
      });
    });
  } finally {
    for (const probe of probes) probe.dispose();
  }
  return { nodes: pairs.length, differences: differencesOf(pairs, counts) };
}

/** How many elements differ in bits, and by how much. */
class BitCounts {
  elements = 0;
  differing = 0;
  maxAbsError = 0;

  add({ data: x }: Tensor<'float32'>, { data: y }: Tensor<'float32'>): void {
    this.elements += x.length;
    x.forEach((value, i) => {
      const other = y[i] as number;
      if (Object.is(value, other)) return;
      this.differing++;
      this.maxAbsError = Math.max(this.maxAbsError, Math.abs(value - other));
    });
  }
}

function differencesOf(pairs: readonly NodePair[], counts: readonly BitCounts[]): DebugDifference[] {
  const differing = new Map<Value, string>();
  return pairs.flatMap(({ name, converted }, i) => {
    const { elements, differing: count, maxAbsError } = counts[i] as BitCounts;
    if (count === 0) return [];
    const sources = converted.inputs.flatMap((input) => (input === null ? [] : [differing.get(sourceOf(input)) ?? []]));
    for (const output of converted.outputs) differing.set(output, name);
    const reason = reasonOf(floatOpOf(converted.op), [...new Set(sources.flat())]);
    return [{ name, op: converted.op, elements, differing: count, maxAbsError, reason }];
  });
}

function reasonOf(op: string, sources: readonly string[]): string {
  if (sources.length > 0) return `its operand differs: ${sources.join(', ')}`;
  return Object.hasOwn(OWN_REASONS, op) ? (OWN_REASONS[op] as string) : OTHER_REASON;
}

/** The differences as lines of text, and a first line that counts them. */
export function renderDebugComparison({ nodes, differences }: DebugComparison): string {
  const lines = differences.map(
    ({ name, op, elements, differing, maxAbsError, reason }) =>
      `${name} (${op}): ${differing} of ${elements} values, by at most ${Number(maxAbsError.toPrecision(3))}: ${reason}`,
  );
  return [`${differences.length} of ${nodes} nodes differ in bits`, ...lines].join('\n');
}
