import type { nn, Tensor } from '@octavo/core';
import * as eager from '@octavo/eager';
import * as graph from '@octavo/graph';
import type { QConfig } from '@octavo/observers';
import { exampleInputs, namedInputs } from '../models/inputs.js';
import type { ModeName } from './evaluation.js';
import type { Runner } from './runner.js';

/** One way to run a float model: a row of the mode table. */
export interface Mode {
  /** Whether the mode takes a qconfig, and so gives a row for each. */
  readonly quantized: boolean;
  /** `qconfig` is null for the float mode alone. The model may be changed: each call gets its own. */
  open(model: nn.Module, qconfig: QConfig | null): Runner;
}

/** All modes, in the order of the result. */
export const MODES: Readonly<Record<ModeName, Mode>> = {
  float: {
    quantized: false,
    open: (model) => graphRunner(traceClassifier(model)),
  },
  eager: {
    quantized: true,
    open: (model, qconfig) => eagerRunner(eager.quantizeDynamic(model, { '': qconfig })),
  },
  graph: {
    quantized: true,
    open: (model, qconfig) => graphRunner(graph.quantizeDynamic(traceClassifier(model), { '': qconfig })),
  },
  debug: {
    quantized: true,
    open: (model, qconfig) =>
      graphRunner(graph.quantizeDynamic(traceClassifier(model), { '': qconfig }, { debug: true })),
  },
};

/**
 * The graph of a text classifier, with inputs by Hugging Face's names. It serves any length; the graph's own coverage
 * report counts attention at the length that was traced with, which costs a run of the float model.
 */
export function traceClassifier(model: nn.Module, length = 3): graph.Graph {
  return graph.trace(model, exampleInputs(length));
}

/** Runs a graph off the event loop where the backend can. */
export function graphRunner(model: graph.Graph): Runner {
  const [output] = model.outputNames;
  return {
    async run(inputs, signal) {
      const outputs = await model.runAsync(namedInputs(inputs), signal === undefined ? {} : { signal });
      return outputs[output as string] as Tensor;
    },
    sizeBytes: graph.graphSizeBytes(model),
    coverage: graph.coverage(model),
    tracedLength: tracedLength(model),
    dispose: () => model.dispose(),
  };
}

/** The last dim of the inputs [batch, length] as traced. */
function tracedLength(model: graph.Graph): number {
  const type = model.inputs[0]?.type;
  return (type?.kind === 'tensor' ? type.dims?.at(-1) : undefined) ?? 1;
}

function eagerRunner(model: nn.Module): Runner {
  return {
    run: async (inputs) => model.call(...inputs) as Tensor,
    sizeBytes: eager.modelSize(model),
    coverage: eager.coverage(model),
    tracedLength: 1,
    // Native memory of eager modules goes with their weights.
    dispose: () => {},
  };
}
