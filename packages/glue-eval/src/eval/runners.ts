import { type nn, type Tensor, tidy } from '@octavo/core';
import * as eager from '@octavo/eager';
import * as graph from '@octavo/graph';
import { namedInputs } from '../models/inputs.js';
import type { Runner } from './runner.js';

/** Names by which a graph takes examples and gives logits. */
export interface GraphEnds {
  readonly names?: readonly string[];
  readonly output?: string;
}

/**
 * Runs a graph off the event loop where the backend can; its result is the output of that name, else the first. `names`
 * are those of an example's inputs, in their order: by default the graph's own. What the graph does not take is left
 * out.
 */
export function graphRunner(
  model: graph.Graph,
  { names = model.inputNames, output = model.outputNames[0] as string }: GraphEnds = {},
): Runner {
  return {
    async run(inputs, signal) {
      const feeds = namedInputs(inputs, names, model.inputNames);
      const outputs = await model.runAsync(feeds, signal === undefined ? {} : { signal });
      return outputs[output] as Tensor;
    },
    sizeBytes: graph.graphSizeBytes(model),
    coverage: graph.coverage(model),
    tracedLength: tracedLength(model),
    save: (file) => graph.saveGraph(model, file),
    dispose: () => model.dispose(),
  };
}

/** The last dim of the inputs [batch, length] as traced. */
function tracedLength(model: graph.Graph): number {
  const type = model.inputs[0]?.type;
  return (type?.kind === 'tensor' ? type.dims?.at(-1) : undefined) ?? 1;
}

/** Runs modules, float or quantized. */
export function eagerRunner(model: nn.Module): Runner {
  return {
    run: async (inputs) => tidy(() => model.call(...inputs) as Tensor),
    sizeBytes: eager.modelSize(model),
    coverage: eager.coverage(model),
    tracedLength: 1,
    save: (file) => eager.saveQuantized(model, file),
    // Native memory of eager modules goes with their weights.
    dispose: () => {},
  };
}
