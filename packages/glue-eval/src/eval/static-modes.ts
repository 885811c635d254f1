import type { Tensor } from '@octavo/core';
import * as eager from '@octavo/eager';
import * as graph from '@octavo/graph';
import type { QConfig } from '@octavo/observers';
import { namedInputs } from '../models/inputs.js';
import type { GraphForm } from './graph-file.js';
import type { Mode, ModeContext, ModeTable } from './modes.js';
import { eagerRunner, graphRunner } from './runners.js';

type StaticContext = Omit<ModeContext, 'exampleInputs'>;

/** The forms of an image classifier's float graph, and what makes them; each is a graph of its own. */
export const STATIC_FORMS: Readonly<
  Record<GraphForm, (float: graph.Graph, context: StaticContext) => Promise<graph.Graph>>
> = {
  float: async (float) => float.clone(),
  graph: (float, context) => staticGraph(float, context),
  debug: (float, context) => staticGraph(float, context, true),
};

const graphMode = (form: GraphForm): Mode => ({
  quantized: form !== 'float',
  open: async (model, context) =>
    graphRunner(await STATIC_FORMS[form](graph.trace(model, context.exampleInputs), context)),
  ...(form !== 'float' && { load: async (file: string) => graphRunner(await graph.loadGraph(file)) }),
});

/** How image classifiers are run: quantized with ranges that a calibration has seen. */
export const STATIC_MODES: ModeTable = {
  float: graphMode('float'),
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
  graph: graphMode('graph'),
  debug: graphMode('debug'),
};

type Calibration = NonNullable<ModeContext['calibration']>;

function staticGraph(float: graph.Graph, { qconfig, calibration }: StaticContext, debug = false): Promise<graph.Graph> {
  const batches = feeds(float.inputNames, calibration as Calibration);
  return graph.quantize(float, { '': qconfig }, graph.calibrate, [batches], { debug });
}

async function* feeds(names: readonly string[], batches: Calibration): AsyncGenerator<Record<string, Tensor>> {
  for await (const inputs of batches) yield namedInputs(inputs, names);
}
