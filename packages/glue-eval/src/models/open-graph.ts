import { extname } from 'node:path';
import { type Graph, importOnnx, loadGraph } from '@octavo/graph';

/** How files are opened as graphs, by the ending of their name; any other is a graph that was saved here. */
const OPENERS: Readonly<Record<string, (file: string) => Promise<Graph>>> = {
  '.onnx': (file) => importOnnx(file),
};

/** A graph from a file: one that `saveGraph` wrote, or a model of another format. */
export function openGraph(file: string): Promise<Graph> {
  return (OPENERS[extname(file).toLowerCase()] ?? loadGraph)(file);
}
