import { OctavoError, type Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import type { Feeds } from '../run/check-feeds.js';

/** The float32 outputs of a graph for each batch of feeds, one array a batch. */
export async function outputsOf(graph: Graph, data: readonly Feeds[], signal?: AbortSignal): Promise<Float32Array[]> {
  const results: Float32Array[] = [];
  try {
    for (const feeds of data) results.push(joined(await graph.runAsync(feeds, signal && { signal })));
  } finally {
    graph.dispose();
  }
  return results;
}

function joined(outputs: Readonly<Record<string, Tensor>>): Float32Array {
  const floats = Object.values(outputs).flatMap(({ type, raw }) =>
    type === 'float32' ? [raw.data as Float32Array] : [],
  );
  if (floats.length === 0) {
    throw new OctavoError('UNSUPPORTED', 'the graph has no float32 output whose error could be measured');
  }
  if (floats.length === 1) return floats[0] as Float32Array;
  const all = new Float32Array(floats.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of floats) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Squared error of each batch's outputs, in units of the float outputs' energy: 0 is equal, 1 as large as they are. */
export function relativeErrors(float: readonly Float32Array[], other: readonly Float32Array[]): number[] {
  return float.map((expected, i) => {
    const got = other[i] as Float32Array;
    let error = 0;
    let energy = 0;
    for (let j = 0; j < expected.length; j++) {
      const x = expected[j] as number;
      error += (x - (got[j] as number)) ** 2;
      energy += x * x;
    }
    return error === 0 ? 0 : energy === 0 ? Number.POSITIVE_INFINITY : error / energy;
  });
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
