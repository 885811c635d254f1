import type { Graph } from '../ir/graph.js';
import { CONVERT_PASSES, DEBUG_PASSES, FREEZE_PASSES } from '../passes/index.js';
import { runPasses } from '../passes/pass.js';
import { emulateWeightOnly, packWeightOnly } from '../passes/weight-only-linears.js';
import type { InplaceOption } from './prepare-dynamic.js';
import { checkStage } from './stage.js';

export interface ConvertOptions extends InplaceOption {
  /**
   * Keeps the weights as float parameters that can be read (`graph.get`), with quantize and dequantize nodes around
   * float ops, instead of packing them. The same numbers to rounding; the size of the float model; slower.
   */
  debug?: boolean;
}

/**
 * A prepared graph in its final form: int8 ops with packed weights, or with `debug` their float emulation. After
 * `prepare`, calibration data must have reached every observer: one that saw none is a NOT_CALIBRATED error that names
 * it.
 */
export function convert(prepared: Graph, options: ConvertOptions = {}): Graph {
  return finish('convert', prepared, options);
}

/** `convert` for a graph from `prepareDynamic`, which needs no calibration. */
export function convertDynamic(prepared: Graph, options: ConvertOptions = {}): Graph {
  return finish('convertDynamic', prepared, options);
}

function finish(verb: string, prepared: Graph, { debug = false, inplace = false }: ConvertOptions): Graph {
  checkStage(verb, prepared, 'prepared');
  const last = debug ? DEBUG_PASSES : FREEZE_PASSES;
  const first = debug ? emulateWeightOnly : packWeightOnly;
  const graph = runPasses(inplace ? prepared : prepared.cloneSharingObservers(), [first, ...CONVERT_PASSES, ...last]);
  graph.stage = debug ? 'debug' : 'quantized';
  return graph;
}
