import type { nn } from '@octavo/core';
import * as eager from '@octavo/eager';
import * as graph from '@octavo/graph';
import { exampleInputs } from '../models/inputs.js';
import type { ModeTable } from './modes.js';
import { eagerRunner, graphRunner } from './runners.js';

/** How text classifiers are run: quantized dynamically, so that no mode calibrates. */
export const DYNAMIC_MODES: ModeTable = {
  float: {
    quantized: false,
    open: async (model) => graphRunner(traceClassifier(model)),
  },
  eager: {
    quantized: true,
    open: async (model, { qconfig }) => eagerRunner(eager.quantizeDynamic(model, { '': qconfig })),
  },
  graph: {
    quantized: true,
    open: async (model, { qconfig }) => graphRunner(graph.quantizeDynamic(traceClassifier(model), { '': qconfig })),
  },
  debug: {
    quantized: true,
    open: async (model, { qconfig }) =>
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
