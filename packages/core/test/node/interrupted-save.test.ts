import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'tsup';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../src/node/index.js';
import { Tensor } from '../../src/tensor/tensor.js';

// A process that is ended while it saves: by the signal, with the old file in place and nothing beside it.

let folder: string;
let bundle: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'octavo-interrupted-'));
  bundle = mkdtempSync(join(tmpdir(), 'octavo-bundle-'));
  const entry = {
    node: resolve(import.meta.dirname, '../../src/node/index.ts'),
    core: resolve(import.meta.dirname, '../../src/index.ts'),
  };
  await build({ entry, outDir: bundle, format: 'cjs', target: 'node20', config: false, silent: true });
}, 60_000);
afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(bundle, { recursive: true });
});

/** Two saves at once of 64 MB each, over and over, so that a signal always comes in the middle. */
const CHILD = (listen: boolean) => `
  const { Tensor } = require('./core.cjs');
  const { writeSafetensors } = require('./node.cjs');
  const save = (name) => writeSafetensors(${JSON.stringify(folder)} + '/' + name, { zeros: Tensor.zeros([1 << 24]) });
  let ended = false;
  ${listen ? "process.on('SIGINT', () => { ended = true; });" : ''}
  (async () => { while (!ended) await Promise.all([save('model'), save('other')]); })();`;

async function interruptedChild(listen: boolean): Promise<unknown[]> {
  const watcher = watch(folder);
  const child = spawn(process.execPath, ['-e', CHILD(listen)], { cwd: bundle, stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(child, 'exit');
  const temporaries = new Set<string>();
  for (;;) {
    const [, name] = (await once(watcher, 'change')) as [string, string];
    if (name.endsWith('.tmp')) temporaries.add(name);
    if (temporaries.size === 2) break;
  }
  watcher.close();
  child.kill('SIGINT');
  return ended;
}

it('Ctrl-C ends the process, and takes half-written files away', async () => {
  await writeSafetensors(join(folder, 'model'), { old: Tensor.from([1]) });
  expect(await interruptedChild(false)).toEqual([null, 'SIGINT']);
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect(Object.keys((await readSafetensors(join(folder, 'model'))).tensors)).toHaveLength(1);
});

it('a program that hears the signal itself ends when its files are written', async () => {
  expect(await interruptedChild(true)).toEqual([0, null]);
  expect(readdirSync(folder).sort()).toEqual(['model', 'other']);
  for (const name of ['model', 'other']) {
    expect((await readSafetensors(join(folder, name))).tensors.zeros?.raw.dims).toEqual([1 << 24]);
  }
});
