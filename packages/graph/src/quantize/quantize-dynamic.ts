import type { QConfigDict, QConfigMapping } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { type ConvertOptions, convertDynamic } from './convert.js';
import { prepareDynamic } from './prepare-dynamic.js';

/** `prepareDynamic` and `convertDynamic` in one line: the same graph, the same bits. */
export function quantizeDynamic(
  graph: Graph,
  qconfigDict: QConfigDict | QConfigMapping,
  { debug = false, inplace = false }: ConvertOptions = {},
): Graph {
  return convertDynamic(prepareDynamic(graph, qconfigDict, { inplace }), { debug, inplace: true });
}
