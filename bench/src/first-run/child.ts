// node first-run.js graph|onnx FILE LENGTH: opens a BERT's file in this fresh process, runs it once on one thread, and
// prints a FirstRun. A process loads the packages that its kind needs, and no others.
import { readFile } from 'node:fs/promises';
import { peakMegabytes } from '../measure/peak-memory.js';

/** Milliseconds from opening the file, and from the start of the process, to the first result; CPU time of all of it. */
export interface FirstRun {
  readonly firstMs: number;
  readonly processMs: number;
  readonly cpuMs: number;
  /** The most memory that the process ever held. */
  readonly peakMb: number;
}

type Tokens = Readonly<Record<'input_ids' | 'attention_mask' | 'token_type_ids', BigInt64Array>>;

/** Loads packages, and then gives what opens a file and runs it. */
const OPENERS: Readonly<Record<string, () => Promise<(file: string, tokens: Tokens) => Promise<unknown>>>> = {
  graph: async () => {
    const [{ Tensor }, { loadGraph }, { createNativeBackend }, { compileGraph }] = await Promise.all([
      import('@octavo/core'),
      import('@octavo/graph'),
      import('@octavo/kernels-native'),
      import('../models/our-model.js'),
    ]);
    return async (file, tokens) => {
      const inputs = Object.values(tokens).map((data) => new Tensor('int64', data, [1, data.length]));
      return compileGraph(await loadGraph(file), createNativeBackend({ threads: 1 })).run(inputs);
    };
  },
  onnx: async () => {
    const { openModel, tokenFeeds } = await import('../ort/session.js');
    return async (file, tokens) => (await openModel(await readFile(file))).run(tokenFeeds(tokens));
  },
};

/** Tokens that every vocabulary has, the first half of the first segment. */
function tokensOf(length: number): Tokens {
  const tokens = (of: (i: number) => number) => BigInt64Array.from({ length }, (_, i) => BigInt(of(i)));
  return {
    input_ids: tokens((i) => (i * 37) % 100),
    attention_mask: tokens(() => 1),
    token_type_ids: tokens((i) => (i < length / 2 ? 0 : 1)),
  };
}

const [kind, file, length] = process.argv.slice(2) as [string, string, string];
const open = await OPENERS[kind]?.();
const begin = performance.now();
await open?.(file, tokensOf(Number(length)));
const end = performance.now();
const { user, system } = process.cpuUsage();
const result: FirstRun = {
  firstMs: end - begin,
  // Counted from the start of the process.
  processMs: end,
  cpuMs: (user + system) / 1000,
  peakMb: peakMegabytes(),
};
console.log(JSON.stringify(result));
