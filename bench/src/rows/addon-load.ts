import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { median } from '@octavo/glue-eval';
import type { RowGroup } from '../row.js';

// What a process pays for native kernels: loading the compiled addon and asking what it can do, once, before anything
// else. Beside it what loading ONNX Runtime's takes. Medians of fresh processes.

const NAME = 'addon, loaded and asked what it can do';
const PROCESSES = 20;
const require = createRequire(import.meta.url);

/** Milliseconds that a fresh process takes for `code`, in which `path` is a text. */
async function once(code: string, path: string): Promise<number> {
  const timed = `const path = ${JSON.stringify(path)}; const begin = process.hrtime.bigint(); ${code};
    console.log(Number(process.hrtime.bigint() - begin) / 1e6);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', timed]);
  return Number(stdout);
}

/** The file that Node loads for a package with an addon. */
function addonOf(name: string): string {
  const build = createRequire(require.resolve(name))('node-gyp-build') as { path(root: string): string };
  return build.path(dirname(require.resolve(`${name}/package.json`)));
}

export const ADDON_LOAD: RowGroup = {
  names: [NAME],
  async *run(bench) {
    const ours: number[] = [];
    const theirs: number[] = [];
    const addon = addonOf('@octavo/kernels-native');
    for (let i = 0; i < PROCESSES; i++) {
      ours.push(await once('require(path).describe()', addon));
      theirs.push(await once('require(path)', require.resolve('onnxruntime-node')));
    }
    const [oursMs, ortFloatMs] = [median(ours), median(theirs)];
    console.log(`${NAME}: ${Math.min(...ours).toFixed(1)} to ${Math.max(...ours).toFixed(1)} ms`);
    yield {
      name: NAME,
      isa: bench.isa,
      threads: 1,
      oursMs,
      ortInt8Ms: null,
      ortFloatMs,
      oursFloatMs: null,
      peakShare: null,
    };
  },
};
