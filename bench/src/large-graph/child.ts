// node large-graph/child.js dynamic|static FILE: what this fresh process pays for an ONNX file until it is an int8 graph.
// Prints the milliseconds of each step.
import { Tensor } from '@octavo/core';
import { calibrate, convert, convertDynamic, type Graph, importOnnx, prepare, prepareDynamic } from '@octavo/graph';
import { getDefaultQConfig, perRowDynamicQConfig } from '@octavo/observers';

const steps: Record<string, number> = {};

async function timed<R>(name: string, step: () => R | Promise<R>): Promise<R> {
  const begin = performance.now();
  const result = await step();
  steps[name] = performance.now() - begin;
  return result;
}

const imported = (file: string): Promise<Graph> => timed('import', () => importOnnx(file));

const KINDS: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
  dynamic: async (file) => {
    const graph = await imported(file);
    const prepared = await timed('prepare', () => prepareDynamic(graph, { '': perRowDynamicQConfig }));
    return timed('convert', () => convertDynamic(prepared));
  },
  static: async (file) => {
    const graph = await imported(file);
    const prepared = await timed('prepare', () => prepare(graph, { '': getDefaultQConfig('fbgemm') }));
    const x = Tensor.from([[0.1, -0.2, 0.3, -0.4]]);
    await timed('calibrate', () => calibrate(prepared, [{ x }]));
    return timed('convert', () => convert(prepared));
  },
};

const [kind, file] = process.argv.slice(2) as [string, string];
await KINDS[kind]?.(file);
console.log(JSON.stringify(steps));
