import { quantizedFileSize, writeQuantizedFile } from '@octavo/core/node';
import type { Graph } from '../ir/graph.js';
import { encodeGraph } from './encode-graph.js';

/**
 * Saves a float, debug or quantized graph as one safetensors file: the graph as JSON in its metadata, weights as
 * tensors (int8 where packed), a format version and a checksum. Returns the file's size in bytes.
 */
export async function saveGraph(graph: Graph, path: string): Promise<number> {
  return writeQuantizedFile(path, encodeGraph(graph));
}

/** The size in bytes of the file that `saveGraph` would write, without writing it. */
export function graphSizeBytes(graph: Graph): number {
  return quantizedFileSize(encodeGraph(graph));
}
