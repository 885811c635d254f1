import { getDefaultQatQConfig, type QConfigDict, type QConfigMapping, resolveQConfig } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { PREPARE_PASSES } from '../passes/index.js';
import { insertStaticObservers } from '../passes/insert-static-observers.js';
import { runPasses } from '../passes/pass.js';
import type { InplaceOption } from './prepare-dynamic.js';
import { checkStage } from './stage.js';

/**
 * A float graph to be trained with the errors of its quantization: as `prepare`, but where observers stand there, on
 * weights as well, values are quantized and dequantized. `qconfigDict` holds qconfigs such as
 * `getDefaultQatQConfig('fbgemm')`, which the whole model gets where none is given.
 *
 * `run` rounds by the ranges known so far, and passes on unrounded what no batch has reached yet; `calibrate` and
 * `trainingStep` let the ranges follow their batches. `convert` gives the int8 graph with these ranges.
 *
 * A batch norm of a graph knows the running statistics alone, so it is folded from the start: this is PyTorch's
 * training after `freeze_bn_stats`, with gamma and beta within the weight and the bias. `prepareQat` of eager trains
 * batch norms along.
 */
export function prepareQat(
  graph: Graph,
  qconfigDict: QConfigDict | QConfigMapping = { '': getDefaultQatQConfig('fbgemm') },
  { inplace = false }: InplaceOption = {},
): Graph {
  checkStage('prepareQat', graph, 'float');
  const qconfigs = resolveQConfig(qconfigDict, graph.modules);
  const passes = [...PREPARE_PASSES, insertStaticObservers(qconfigs, { fakeQuantize: true })];
  const prepared = runPasses(inplace ? graph : graph.clone(), passes);
  prepared.stage = 'prepared';
  return prepared;
}
