// Makes a clone ready: installs, compiles the native kernels, builds the packages, links the `octavo` command.
// Needs Node and npm only. Every step is skipped when its inputs have not changed.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, run, step, stop } from './process.mjs';

const at = (path) => resolve(root, path);
/** The exit code of native.mjs where something that compiling needs is missing. */
export const NO_TOOLCHAIN = 3;

/**
 * Installs what the lock file says. Only `bench` needs onnxruntime-node (113 MB to download),
 * so it is left out unless `full`.
 */
export async function install({ full = false } = {}) {
  const stampFile = at('node_modules/.octavo-install');
  const { packageManager } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const lock = createHash('sha256')
    .update(readFileSync(at('pnpm-lock.yaml')))
    .digest('hex');
  const stamp = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : '';
  // `npm install` removes what it did not install itself, but leaves the stamp.
  const present = existsSync(at('node_modules/turbo')) && existsSync(at('node_modules/.pnpm'));
  if (present && (stamp === `${lock} full` || (stamp === `${lock} lean` && !full))) return 'up to date';

  const scope = full ? [] : ['--filter', '!@octavo/bench'];
  const pnpm = () => run('npx', ['-y', packageManager, 'install', '--frozen-lockfile', ...scope], { quiet: true });
  let result = await pnpm();
  if (result.code !== 0 && existsSync(at('node_modules'))) {
    // Made under other settings, or cut short: start over rather than ask.
    rmSync(at('node_modules'), { recursive: true });
    result = await pnpm();
  }
  if (result.code !== 0) stop('install', result);
  writeFileSync(stampFile, `${lock} ${full ? 'full' : 'lean'}`);
}

/** The line to print, and whether there are native kernels now. */
async function buildNative() {
  const script = at('packages/kernels-native/scripts/native.mjs');
  const result = await run(process.execPath, [script, 'build'], { quiet: true });
  if (result.code === NO_TOOLCHAIN) return { native: false, note: `skipped\n\nWarning: ${result.output.trim()}\n` };
  if (result.code !== 0) stop('native build', result);
  return { native: true, note: result.output.trim() };
}

async function buildPackages() {
  const args = ['run', 'build', '--filter', './packages/*', '--output-logs', 'errors-only'];
  const result = await run('turbo', args, { quiet: true });
  if (result.code !== 0) stop('package build', result);
  linkCommand();
  return result.output.includes('FULL TURBO') ? 'up to date' : '';
}

/** `npx octavo` at the root. The root package cannot depend on glue-eval: npm would not understand how. */
function linkCommand() {
  const cli = '../../packages/glue-eval/dist/cli.js';
  mkdirSync(at('node_modules/.bin'), { recursive: true });
  writeFileSync(at('node_modules/.bin/octavo'), `#!/bin/sh\nexec node "$(dirname "$0")/${cli}" "$@"\n`);
  chmodSync(at('node_modules/.bin/octavo'), 0o755);
  writeFileSync(at('node_modules/.bin/octavo.cmd'), `@node "%~dp0\\${cli.replaceAll('/', '\\')}" %*\r\n`);
}

/** Everything, in order. Tells whether there are native kernels. */
export async function setup({ full = false } = {}) {
  let native = false;
  await step('install', () => install({ full }));
  await step('native kernels', async () => {
    const result = await buildNative();
    native = result.native;
    return result.note;
  });
  await step('packages', buildPackages);
  return { native };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await setup();
