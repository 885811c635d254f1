import type { QConfigDict, QConfigMapping } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { type ConvertOptions, convert } from './convert.js';
import { prepare } from './prepare.js';

/**
 * Static quantization in one line: `prepare`, then `calibrate(prepared, ...args)`, then `convert`; the same graph and
 * the same bits as step by step. `calibrate` is this package's function of that name (`args` then begins with the
 * batches), or one of yours that shows the prepared graph data.
 */
export async function quantize<A extends readonly unknown[]>(
  graph: Graph,
  qconfigDict: QConfigDict | QConfigMapping,
  calibrate: (prepared: Graph, ...args: A) => unknown,
  args: A,
  { debug = false, inplace = false }: ConvertOptions = {},
): Promise<Graph> {
  const prepared = prepare(graph, qconfigDict, { inplace });
  await calibrate(prepared, ...args);
  return convert(prepared, { debug, inplace: true });
}
