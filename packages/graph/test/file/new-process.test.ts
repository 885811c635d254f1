import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { perRowDynamicQConfig } from '@octavo/observers';
import { build } from 'tsup';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadGraph, quantizeDynamic, saveGraph, trace } from '../../src/index.js';
import { bits, seeded, sentences, TinyClassifier } from '../models.js';

// A file is loaded by another Node process, or other threads, from a bundle that holds none of the model's classes.

let folder: string;
const SOURCE = join(dirname(fileURLToPath(import.meta.url)), '../../src/index.ts');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octavo-process-'));
  await build({
    entry: { graph: SOURCE },
    outDir: folder,
    format: 'esm',
    target: 'node20',
    config: false,
    silent: true,
    clean: false,
    noExternal: [/^@octavo\//],
    outExtension: () => ({ js: '.mjs' }),
    esbuildOptions(options) {
      options.conditions = ['@octavo/source'];
    },
  });
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

const CHILD = `
import { loadGraph } from './graph.mjs';
const [path, ids, mask, length] = process.argv.slice(2);
const tensor = (text) => {
  const values = text.split(',').map(BigInt);
  return { type: 'int64', dims: [values.length / Number(length), Number(length)], data: BigInt64Array.from(values) };
};
const { output } = (await loadGraph(path)).run({ ids: tensor(ids), mask: tensor(mask) });
process.stdout.write(JSON.stringify([output.type, output.dims.join(), Buffer.from(output.data.buffer).toString('hex')]));
`;

it('a new process loads the file and gets the same bits', async () => {
  const float = trace(
    seeded(() => new TinyClassifier()),
    sentences([3]),
  );
  const feeds = sentences([5, 2]);
  await writeFile(join(folder, 'child.mjs'), CHILD);
  const run = promisify(execFile);
  for (const graph of [
    float,
    quantizeDynamic(float, { '': perRowDynamicQConfig }),
    quantizeDynamic(float, { '': perRowDynamicQConfig }, { debug: true }),
  ]) {
    const path = join(folder, `${graph.stage}.octavo`);
    await saveGraph(graph, path);
    const numbers = [feeds.ids, feeds.mask].map(({ data }) => [...(data as BigInt64Array)].join());
    const { stdout } = await run(process.execPath, [join(folder, 'child.mjs'), path, ...numbers, '5'], {
      env: { ...process.env, OCTAVO_BACKEND: 'reference' },
    });
    expect(JSON.parse(stdout)).toEqual(bits(graph.run(feeds).output));
  }
});

const WORKER = `
import { parentPort, workerData } from 'node:worker_threads';
import { loadGraph, saveGraph } from './graph.mjs';
const results = new Set();
for (let turn = 0; turn < 20; turn++) {
  const graph = await loadGraph(workerData.path);
  const { output } = graph.run(workerData.feeds);
  results.add(Buffer.from(output.data.buffer).toString('hex'));
  await saveGraph(graph, workerData.path);
}
parentPort.postMessage([...results]);
`;

it('two workers run, save and load one file at once: whole files, the same bits', async () => {
  const path = join(folder, 'shared.octavo');
  await writeFile(join(folder, 'worker.mjs'), WORKER);
  const feeds = sentences([5, 2]);
  const float = trace(
    seeded(() => new TinyClassifier()),
    feeds,
  );
  const graph = quantizeDynamic(float, { '': perRowDynamicQConfig });
  await saveGraph(graph, path);
  const plain = Object.fromEntries(
    Object.entries(feeds).map(([name, { type, dims, data }]) => [name, { type, dims, data }]),
  );
  const workers = [1, 2].map(async () => {
    const worker = new Worker(join(folder, 'worker.mjs'), {
      workerData: { path, feeds: plain },
      env: { ...process.env, OCTAVO_BACKEND: 'reference' },
    });
    return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  });
  const [, , hex] = bits(graph.run(feeds).output) as string[];
  expect(await Promise.all(workers)).toEqual([[hex], [hex]]);
  expect(bits((await loadGraph(path)).run(feeds).output)).toEqual(bits(graph.run(feeds).output));
  expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});
