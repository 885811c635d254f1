import { extname } from 'node:path';
import { type Graph, importOnnx, loadGraph } from '@octavo/graph';

/** How files are opened as graphs, by the ending of their name; any other is a graph that was saved here. */
const OPENERS: Readonly<Record<string, (file: string) => Promise<Graph>>> = {
  '.onnx': (file) => importOnnx(file),
};

/** A graph from a file: one that `saveGraph` wrote, or a model of another format. */
export function openGraph(file: string): Promise<Graph> {
  return (openerOf(file) ?? loadGraph)(file);
}

/** True for a model of another format. */
export function isForeign(file: string): boolean {
  return openerOf(file) !== undefined;
}

function openerOf(file: string): ((file: string) => Promise<Graph>) | undefined {
  const ending = extname(file).toLowerCase();
  return Object.hasOwn(OPENERS, ending) ? OPENERS[ending] : undefined;
}

/** True for a graph that quantizes, whoever made it so. */
export function isQuantized(graph: Graph): boolean {
  return graph.stage !== 'float' || [...graph.nodes()].some(({ op }) => QUANTIZED.test(op));
}

const QUANTIZED = /^quantized::|^aten::(de)?quantize|^octavo::\w*(quantize|_integer$)/;
