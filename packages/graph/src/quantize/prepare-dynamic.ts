import { type QConfigDict, type QConfigMapping, resolveQConfig } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { insertDynamicObservers } from '../passes/insert-dynamic-observers.js';
import { insertWeightObservers } from '../passes/insert-weight-observers.js';
import { runPasses } from '../passes/pass.js';
import { checkStage } from './stage.js';

export interface InplaceOption {
  /** Edits the given graph instead of a clone of it. */
  inplace?: boolean;
}

/**
 * A float graph with observers on the inputs and weights of the linears that `qconfigDict` covers: '' is the model, a
 * path its module and all below it, the longest path wins, null keeps float; a `QConfigMapping` has rules by type
 * besides. Embeddings and bags of them whose qconfig is one for tables (`floatQParamsWeightOnlyQConfig`) get 8- or
 * 4-bit rows. Dynamic quantization needs no calibration: `convertDynamic` may follow at once. A key that is no module
 * path of the model is an UNKNOWN_NAME error with the nearest path.
 */
export function prepareDynamic(
  graph: Graph,
  qconfigDict: QConfigDict | QConfigMapping,
  { inplace = false }: InplaceOption = {},
): Graph {
  checkStage('prepareDynamic', graph, 'float');
  const qconfigs = resolveQConfig(qconfigDict, graph.modules);
  const prepared = runPasses(inplace ? graph : graph.clone(), [
    insertWeightObservers(qconfigs),
    insertDynamicObservers(qconfigs),
  ]);
  prepared.stage = 'prepared';
  return prepared;
}
