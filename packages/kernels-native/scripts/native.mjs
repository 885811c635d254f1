#!/usr/bin/env node
// node scripts/native.mjs build | prebuild | test | clean
// Compiles the addon with the headers of the running Node, so that nothing is downloaded.
// Exit codes: 0 done, 1 the compiler failed, 2 wrong usage, 3 something that compiling needs is missing.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const packageRoot = resolve(import.meta.dirname, '..');
const at = (path) => resolve(packageRoot, path);
const require = createRequire(import.meta.url);
const windows = process.platform === 'win32';

const works = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** A folder with include/node/node_api.h. `pnpm run` and turbo do not pass npm's nodedir on. */
function findHeaders() {
  const candidates = [process.env.npm_config_nodedir, resolve(process.execPath, '../..')];
  return candidates.find((folder) => folder && existsSync(resolve(folder, 'include/node/node_api.h')));
}

function findPython() {
  const candidates = [process.env.npm_config_python, process.env.PYTHON, 'python3', 'python'];
  return candidates.find((python) => python && works(python, ['-c', 'import sys; assert sys.version_info >= (3, 8)']));
}

const findCompiler = () => [process.env.CXX, 'g++', 'c++', 'clang++'].find((cxx) => cxx && works(cxx, ['--version']));

/** node-gyp: ours in development, npm's own copy for a user who builds from the published package. */
function findNodeGyp() {
  const npm = resolve(
    process.execPath,
    windows ? '..' : '../../lib',
    'node_modules/npm/node_modules/node-gyp/bin/node-gyp.js',
  );
  try {
    return require.resolve('node-gyp/bin/node-gyp.js');
  } catch {
    return existsSync(npm) ? npm : undefined;
  }
}

/** What compiling needs, or the end of the process with one message that names all that is missing. */
function findTools() {
  const tools = { python: findPython(), nodeGyp: findNodeGyp(), nodedir: findHeaders() };
  // On Windows node-gyp finds Visual Studio itself and headers come with no Node installer.
  const cxx = windows ? 'msvc' : findCompiler();
  const missing = [
    !cxx && 'a C++ compiler (g++ or clang++)',
    !windows && !works('make', ['--version']) && 'make',
    !tools.python && 'Python 3',
    !tools.nodeGyp && 'node-gyp (npm install node-gyp)',
    !windows && !tools.nodedir && "Node's headers (set npm_config_nodedir to a folder with include/node/node_api.h)",
  ].filter(Boolean);
  if (missing.length > 0) {
    console.error(
      `the native kernels were not compiled, because this machine lacks: ${missing.join(', ')}. ` +
        'The TypeScript reference backend does the work: the same bits, but slowly.',
    );
    process.exit(3);
  }
  return { ...tools, cxx };
}

/** Runs a tool written for Node. Compilers' output shows only where it fails, unless OCTAVO_VERBOSE is set. */
function runTool(script, args, { python, cxx }) {
  const verbose = Boolean(process.env.OCTAVO_VERBOSE);
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: packageRoot,
    env: { ...process.env, PYTHON: python, ...(windows ? {} : { CXX: cxx }) },
    stdio: verbose ? 'inherit' : 'pipe',
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (status === 0) return;
  console.error(verbose ? '' : stdout + stderr);
  process.exit(1);
}

/** A hash of everything that the compiled addon depends on. */
function fingerprint() {
  const hash = createHash('sha256').update(
    `${process.platform} ${process.arch} ${process.version} ${process.env.CXX ?? ''}\n`,
  );
  const sources = readdirSync(at('native'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => resolve(entry.parentPath, entry.name));
  for (const file of [...sources, at('binding.gyp')].sort()) hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}

const built = (suffix) =>
  existsSync(at('build/Release'))
    ? readdirSync(at('build/Release'))
        .filter((name) => name.endsWith(suffix))
        .map((name) => at(`build/Release/${name}`))
    : [];

/** Compiles what has changed since the last time. */
function compile(tools, gypOptions = []) {
  const headers = tools.nodedir ? ['--nodedir', tools.nodedir] : [];
  runTool(tools.nodeGyp, ['configure', ...headers, '--', ...gypOptions], tools);
  runTool(tools.nodeGyp, ['build', '--jobs', 'max', ...headers], tools);
}

function build() {
  const stamp = at('build/octavo-fingerprint');
  const wanted = fingerprint();
  if (built('.node').length > 0 && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) {
    console.log('up to date');
    return;
  }
  compile(findTools());
  writeFileSync(stamp, wanted);
}

/** Puts the addon into prebuilds/, from where the published package loads it. */
function prebuild() {
  const tools = findTools();
  const args = ['--napi', '-t', process.versions.node, '--strip', '--tag-libc'];
  // prebuildify hands unknown options to no one; node-gyp reads its headers' place from the environment.
  if (tools.nodedir) process.env.npm_config_nodedir = tools.nodedir;
  runTool(require.resolve('prebuildify/bin.js'), args, tools);
}

/**
 * Runs the C++ test programs: targets named `*_test`, which binding.gyp has only under `octavo_tests==1`.
 * Each ends with a line `N passed, N failed`; ours, the last, is their sum.
 */
function test() {
  build();
  if (readFileSync(at('binding.gyp'), 'utf8').includes('octavo_tests')) compile(findTools(), ['-Doctavo_tests=1']);
  const args = ['--sources=native/kernels', ...(process.env.OCTAVO_TEST_LONG ? ['--long'] : [])];
  let passed = 0;
  let failed = 0;
  for (const program of built(windows ? '_test.exe' : '_test')) {
    const { status, stdout } = spawnSync(program, args, {
      cwd: packageRoot,
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    });
    console.log(stdout.trimEnd());
    const counts = /(\d+) passed, (\d+) failed\s*$/.exec(stdout) ?? [];
    passed += Number(counts[1] ?? 0);
    // A program that dies has failed at least once, whatever it had counted.
    failed += Math.max(Number(counts[2] ?? 0), status === 0 ? 0 : 1);
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

const clean = () => rmSync(at('build'), { recursive: true, force: true });

const commands = { build, prebuild, test, clean };
const command = commands[process.argv[2]];
if (!command) {
  console.log(`usage: kernels-native ${Object.keys(commands).join(' | ')}`);
  process.exit(process.argv[2] === '--help' ? 0 : 2);
}
command();
