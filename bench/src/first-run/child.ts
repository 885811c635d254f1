// node first-run.js graph|onnx FILE LENGTH: opens a BERT's file in this fresh process, runs it once on one thread, and
// prints { firstMs: from opening to the first result, peakMb: the most memory that the process ever held }.
import { readFile } from 'node:fs/promises';
import { loadGraph } from '@octavo/graph';
import { createNativeBackend } from '@octavo/kernels-native';
import { peakMegabytes } from '../measure/peak-memory.js';
import { type BertInputs, bertInputs } from '../models/bert.js';
import { compileGraph } from '../models/our-model.js';
import { feeds, openModel } from '../ort/session.js';

const OPENERS: Readonly<Record<string, (file: string, inputs: BertInputs) => Promise<unknown>>> = {
  graph: async (file, inputs) =>
    compileGraph(await loadGraph(file), createNativeBackend({ threads: 1 })).run(Object.values(inputs)),
  onnx: async (file, inputs) => (await openModel(await readFile(file))).run(feeds(inputs)),
};

const [kind, file, length] = process.argv.slice(2) as [string, string, string];
// Tokens that every vocabulary has.
const inputs = bertInputs({ vocabSize: 100 }, [1, Number(length)]);
const begin = performance.now();
await OPENERS[kind]?.(file, inputs);
const firstMs = performance.now() - begin;
console.log(JSON.stringify({ firstMs, peakMb: peakMegabytes() }));
