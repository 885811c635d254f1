import { OnnxGraph } from './graph.js';
import { type Form, type LinearWeights, layerWriter } from './layers.js';

/** Linears one after another as a file: `x` float32 [rows, in] -> `y` float32 [rows, out]. */
export function writeLinears(form: Form, linears: readonly LinearWeights[]): Uint8Array {
  const graph = new OnnxGraph();
  const layers = layerWriter(form, graph);
  let x = graph.input('x', 'float32', ['rows', linears[0]?.weight.raw.dims[1] as number]);
  for (const linear of linears) x = layers.linear(x, linear);
  graph.node('Identity', [x], {}, 'y');
  graph.output('y', 'float32', ['rows', linears.at(-1)?.weight.raw.dims[0] as number]);
  return graph.encode();
}
