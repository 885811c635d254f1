import { OctavoError } from '@octavo/core';
import type { Graph } from '@octavo/graph';
import { isForeign, isQuantized } from '../models/open-graph.js';
import type { ModeName } from './evaluation.js';
import type { CheckedOptions } from './options.js';
import { rowsOf } from './rows.js';
import type { Row } from './workload.js';

/** What a graph has without modules. */
export const GRAPH_MODES = ['float', 'graph', 'debug'] as const satisfies readonly ModeName[];

export type GraphForm = (typeof GRAPH_MODES)[number];

/** The mode that a saved graph's stage is. */
const MODE_OF_STAGE: Readonly<Record<string, GraphForm>> = { float: 'float', quantized: 'graph', debug: 'debug' };

export interface GraphRows {
  readonly rows: readonly Row[];
  readonly hasFloat: boolean;
  /** True for a float model that the rows are made from; false where the graph is its one row. */
  readonly isSource: boolean;
}

/**
 * The rows of a graph in a file: of a float model of another format all that are asked for, else the one that it is.
 */
export function rowsOfGraph(graph: Graph, options: CheckedOptions): GraphRows {
  const { model: file, modes, qconfigs } = options;
  if (isForeign(file) && !isQuantized(graph)) {
    const wanted = modes ?? (['float', 'graph'] as const);
    if (wanted.every((mode) => (GRAPH_MODES as readonly ModeName[]).includes(mode))) {
      return { rows: rowsOf({ ...options, modes: wanted }), hasFloat: true, isSource: true };
    }
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `model ${file} is a graph without modules, which the modes ${GRAPH_MODES.join(', ')} can be made from, got ` +
        wanted.join(', '),
    );
  }
  const mode = isForeign(file) ? 'graph' : MODE_OF_STAGE[graph.stage];
  if (mode === undefined)
    throw new OctavoError('UNSUPPORTED', `${file}: a graph in the stage '${graph.stage}' cannot be evaluated`);
  if (qconfigs !== null || (modes !== null && modes.join() !== mode)) {
    const origin = isForeign(file) ? 'an ONNX model that is quantized already, ' : 'a saved graph ';
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `model ${file} is ${origin}of mode ${mode}, which other modes and qconfigs cannot be made from; give the ` +
        'float model, or leave --mode and --qconfig out',
    );
  }
  return { rows: [{ mode, qconfig: null, reloaded: false }], hasFloat: mode === 'float', isSource: false };
}
