import { readQuantizedFile } from '@octavo/core/node';
import type { Graph } from '../ir/graph.js';
import { decodeGraph } from './decode-graph.js';

/**
 * Loads what `saveGraph` wrote, without the model it came from; it runs to the same bits. A file that is truncated,
 * altered, of a later format or not one of ours is an INVALID_FILE error that says so; a missing one FILE_NOT_FOUND.
 */
export async function loadGraph(path: string): Promise<Graph> {
  return decodeGraph(await readQuantizedFile(path), path);
}
