import { type QConfigDict, type QConfigMapping, resolveQConfig } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { PREPARE_PASSES } from '../passes/index.js';
import { insertStaticObservers } from '../passes/insert-static-observers.js';
import { insertWeightObservers } from '../passes/insert-weight-observers.js';
import { runPasses } from '../passes/pass.js';
import type { InplaceOption } from './prepare-dynamic.js';
import { checkStage } from './stage.js';

/**
 * A float graph made ready for static quantization: batch norms are folded into the convolutions and linears before
 * them, and observers stand where a scale and zero point will be needed (`insertStaticObservers` says where).
 * `qconfigDict` is read as by `prepareDynamic`, and holds static qconfigs such as `getDefaultQConfig('fbgemm')`. Show
 * it data with `calibrate`, then `convert` it. A prepared graph computes what the float graph does, but for the
 * folding's rounding.
 */
export function prepare(
  graph: Graph,
  qconfigDict: QConfigDict | QConfigMapping,
  { inplace = false }: InplaceOption = {},
): Graph {
  checkStage('prepare', graph, 'float');
  const qconfigs = resolveQConfig(qconfigDict, graph.modules);
  const prepared = runPasses(inplace ? graph : graph.clone(), [
    ...PREPARE_PASSES,
    insertWeightObservers(qconfigs),
    insertStaticObservers(qconfigs),
  ]);
  prepared.stage = 'prepared';
  return prepared;
}
