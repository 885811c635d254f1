import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { perRowDynamicQConfig } from '@octavo/observers';
import { build } from 'tsup';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { quantizeDynamic, saveGraph, trace } from '../../src/index.js';
import { bits, seeded, sentences, TinyClassifier } from '../models.js';

// A file is loaded by another Node process, from a bundle that holds none of the model's classes.

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
