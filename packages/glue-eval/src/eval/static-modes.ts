import type { nn, Tensor } from '@octavo/core';
import * as eager from '@octavo/eager';
import * as graph from '@octavo/graph';
import type { QConfig } from '@octavo/observers';
import { namedInputs } from '../models/inputs.js';
import type { ModeContext, ModeTable } from './modes.js';
import { eagerRunner, graphRunner } from './runners.js';

/** How image classifiers are run: quantized with ranges that a calibration has seen. */
export const STATIC_MODES: ModeTable = {
  float: {
    quantized: false,
    open: async (model, { exampleInputs }) => graphRunner(graph.trace(model, exampleInputs)),
  },
  eager: {
    quantized: true,
    async open(model, { qconfig, exampleInputs, calibration }) {
      const fused = eager.fuseModules(model, { inputs: Object.values(exampleInputs) });
      const prepared = eager.prepare(fused, { qconfig: qconfig as QConfig });
      for await (const inputs of calibration as Calibration) prepared.call(...inputs);
      return eagerRunner(eager.convert(prepared));
    },
    load: async (file) => eagerRunner(await eager.loadQuantized(file)),
  },
  graph: {
    quantized: true,
    open: async (model, context) => graphRunner(await quantizedGraph(model, context)),
    load: async (file) => graphRunner(await graph.loadGraph(file)),
  },
  debug: {
    quantized: true,
    open: async (model, context) => graphRunner(await quantizedGraph(model, context, { debug: true })),
    load: async (file) => graphRunner(await graph.loadGraph(file)),
  },
};

type Calibration = NonNullable<ModeContext['calibration']>;

function quantizedGraph(
  model: nn.Module,
  { qconfig, exampleInputs, calibration }: ModeContext,
  options: graph.ConvertOptions = {},
): Promise<graph.Graph> {
  const float = graph.trace(model, exampleInputs);
  const batches = feeds(float.inputNames, calibration as Calibration);
  return graph.quantize(float, { '': qconfig }, graph.calibrate, [batches], { ...options, inplace: true });
}

async function* feeds(names: readonly string[], batches: Calibration): AsyncGenerator<Record<string, Tensor>> {
  for await (const inputs of batches) yield namedInputs(inputs, names);
}
