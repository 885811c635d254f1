#!/usr/bin/env node
// node scripts/native.mjs build [--emulate] | prebuild [TARGET...] | test [--emulate] [--cross=arm64] [OPTION...] | sanitize [OPTION...] | clean
// Compiles the addon with the headers of the running Node, so that nothing is downloaded.
// `test` and `sanitize` compile and run the C++ test of the kernels, whose options kernels_test.cc lists.
// Exit codes: 0 done, 1 the compiler failed, 2 wrong usage, 3 something that compiling needs is missing.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, resolve } from 'node:path';
import { EMULATED, findCrossTools, findZig } from './cross.mjs';
import { buildEmulated, EMULATED_ISAS, emulatedLibraries } from './emulated.mjs';
import { prebuildWithZig } from './prebuild.mjs';
import { kernelLibraries } from './sources.mjs';

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

/** A hash of everything that compiled code depends on. */
function fingerprint(...options) {
  const hash = createHash('sha256').update(
    `${process.platform} ${process.arch} ${process.version} ${process.env.CXX ?? ''} ${JSON.stringify(options)}\n`,
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

async function build(...args) {
  if (args.includes('--emulate')) return buildEmulation();
  const stamp = at('build/octavo-fingerprint');
  const wanted = fingerprint();
  if (built('.node').length > 0 && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) {
    console.log('up to date');
    return;
  }
  compile(findTools());
  writeFileSync(stamp, wanted);
}

/** Compiles the addon with all of x86's instruction sets emulated, for tests of whole programs; tells where it lies. */
async function buildEmulation() {
  const { cxx, nodedir } = findTools();
  const { file, failed } = await buildEmulated(cxx, nodedir);
  for (const problem of failed) console.error(problem);
  if (failed.length > 0) process.exit(1);
  console.log(file);
}

/**
 * Puts the addon into prebuilds/, from where the published package loads it: with Zig for all platforms, or those that are
 * named (`linux-arm64-musl`); without it for this one, by its own compiler, for its own glibc or a newer one.
 */
async function prebuild(...names) {
  const zig = findZig();
  if (zig) {
    const nodedir = findHeaders();
    if (nodedir) process.exit(await prebuildWithZig(zig, nodedir, names));
    console.error(
      "no prebuild: Node's headers are missing (set npm_config_nodedir to a folder with include/node/node_api.h)",
    );
    process.exit(3);
  }
  if (names.length > 0) {
    console.error(`prebuild of ${names.join(', ')}: compiling for other platforms needs zig (pip install ziglang)`);
    process.exit(3);
  }
  console.log(
    `only ${process.platform}-${process.arch}: compiling for other platforms needs zig (pip install ziglang)`,
  );
  const tools = findTools();
  const args = ['--napi', '-t', process.versions.node, '--strip', '--tag-libc'];
  // prebuildify hands unknown options to no one; node-gyp reads its headers' place from the environment.
  if (tools.nodedir) process.env.npm_config_nodedir = tools.nodedir;
  runTool(require.resolve('prebuildify/bin.js'), args, tools);
}

/** Runs a program to its end; resolves to its exit code and to what it wrote, which also shows unless `quiet`. */
function runProgram(command, args, { quiet = false } = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: packageRoot, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (stream) => (chunk) => {
      output += chunk;
      if (!quiet) stream.write(chunk);
    };
    child.stdout.on('data', keep(process.stdout));
    child.stderr.on('data', keep(process.stderr));
    child.on('error', (error) => done({ code: 1, output: `${output}${error.message}\n` }));
    child.on('close', (code) => done({ code: code ?? 1, output }));
  });
}

function findTestCompiler() {
  const cxx = windows ? undefined : findCompiler();
  if (cxx) return [cxx];
  console.error('the kernels were not tested: their test needs Linux or macOS and a C++ compiler (g++ or clang++)');
  process.exit(3);
}

/** What the test of the kernels is linked with besides them. */
const TESTED_WITH = [
  'ops/conv_quantized',
  'ops/static_requantization',
  'runtime/call',
  'runtime/cpu',
  'runtime/pack',
  'runtime/pack_in_place',
  'runtime/weight_splits',
  'runtime/threads',
  'runtime/transpose',
  'test/conv_test',
];

/**
 * Compiles the test of the kernels into build/test/NAME where it is not there already: each instruction set as
 * binding.gyp says, or over native/test/emulated where `emulate` is set and it is one of those. `flags` go to all. `cxx` is a compiler's command line,
 * by default for this machine, `arch` what it compiles for.
 */
async function compileTest(name, { flags = [], emulate = false, arch, cxx = findTestCompiler() } = {}) {
  const [compiler, ...target] = cxx;
  const folder = at(`build/test/${name}`);
  const program = resolve(folder, 'kernels_test');
  const libraries = emulate ? emulatedLibraries(arch) : kernelLibraries(arch);
  const common = libraries.find(({ isa }) => isa === 'scalar').flags;
  const objects = [
    ...libraries,
    ...TESTED_WITH.map((source) => ({ source: `native/${source}.cc`, flags: common })),
    { source: 'native/test/kernels_test.cc', flags: emulate ? [...common, '-DOCTAVO_EMULATED'] : common },
  ].map((object) => ({ ...object, path: resolve(folder, `${basename(object.source, '.cc')}.o`) }));

  const stamp = resolve(folder, 'fingerprint');
  const version = spawnSync(compiler, [...target, '--version'], { encoding: 'utf8' }).stdout;
  const wanted = fingerprint(version, flags, objects);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return { program, objects };

  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const results = await Promise.all(
    objects.map(({ source, flags: own, path }) =>
      runProgram(compiler, [...target, ...own, ...flags, '-c', source, '-o', path], { quiet: true }),
    ),
  );
  if (results.every(({ code }) => code === 0)) {
    const paths = objects.map(({ path }) => path);
    results.push(
      await runProgram(compiler, [...target, ...flags, ...paths, '-pthread', '-o', program], { quiet: true }),
    );
  }
  if (results.some(({ code }) => code !== 0)) {
    console.error(results.map(({ output }) => output).join(''));
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
  return { program, objects };
}

/**
 * Whether a library exports its table alone and leans on no C++ library: the linker may share an inline function that
 * was compiled for one instruction set, and another table would then run it on a CPU that lacks it.
 */
function exportsTableAlone({ isa, path }) {
  const { status, stdout } = spawnSync('nm', ['-g', path], { encoding: 'utf8' });
  if (status !== 0) {
    console.log(`skip   ${isa.padEnd(32)} exports its table alone: nm is missing`);
    return { passed: 0, failed: 0 };
  }
  const symbols = stdout.trim().split('\n');
  const wrong = symbols
    .map((line) => line.trim().split(/\s+/).slice(-2))
    .filter(([type, name]) =>
      type === 'U' ? /^_?_Z|__cxa|__gxx/.test(name) : name.replace(/^_/, '') !== `octavo_kernels_${isa}`,
    );
  console.log(`${wrong.length === 0 ? 'ok    ' : 'FAILED'} ${isa.padEnd(32)} exports its table alone`);
  for (const symbol of wrong) console.log(`  ${symbol.join(' ')}`);
  return wrong.length === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** Runs a compiled test, by an `emulator`'s command line if there is one; resolves to the counts in its last line. */
async function runTest({ program }, args, emulator = []) {
  const long = process.env.OCTAVO_TEST_LONG ? ['--long'] : [];
  const [command, ...rest] = [...emulator, program];
  const { code, output } = await runProgram(command, [...rest, '--sources=native/kernels', ...long, ...args]);
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(output) ?? [];
  // A program that dies has failed at least once, whatever it had counted.
  return { passed: Number(counts[1] ?? 0), failed: Math.max(Number(counts[2] ?? 0), code === 0 ? 0 : 1) };
}

function finishTest(counts) {
  const sum = (name) => counts.reduce((total, count) => total + count[name], 0);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
  process.exitCode = sum('failed') > 0 ? 1 : 0;
}

/**
 * Tests the kernels of another machine, cross compiled, under user-mode emulation: on its best CPU a thin sweep of all
 * tests, on lesser ones that dispatch takes what they have.
 */
async function testCross(name, options) {
  const machine = EMULATED[name];
  if (!machine) {
    console.error(`--cross: unknown machine '${name}'; known: ${Object.keys(EMULATED).join(', ')}`);
    process.exit(2);
  }
  const { missing, cxx, emulator } = findCrossTools(machine);
  if (missing) {
    console.log(`skip   ${name.padEnd(32)} all tests of its kernels: this machine lacks ${missing}`);
    return [];
  }
  const compiled = await compileTest(name, { cxx, arch: name, flags: ['-static'] });
  const counts = [];
  for (const [i, [cpu, isas]] of machine.cpus.entries()) {
    console.log(`${name}, ${cpu}:`);
    const run = (args) => runTest(compiled, args, [emulator, '-cpu', cpu]);
    counts.push(await run([`--expect=${isas.join(',')}`]));
    if (i === 0) counts.push(await run(['--one-in=200', ...options]));
  }
  return counts;
}

/**
 * Tests the kernels that this CPU can run; with --emulate also those for AVX-VNNI, AVX-512 VNNI and AMX, compiled from
 * the same source with every instruction as a loop over lanes; with --cross=NAME also those of another machine.
 */
async function test(...args) {
  const isCross = (arg) => arg.startsWith('--cross=');
  const options = args.filter((arg) => arg !== '--emulate' && !isCross(arg));
  const native = await compileTest('native');
  const counts = native.objects.filter(({ isa }) => isa).map(exportsTableAlone);
  counts.push(await runTest(native, options));
  if (args.includes('--emulate')) {
    const emulated = await compileTest('emulated', { emulate: true });
    counts.push(await runTest(emulated, [...EMULATED_ISAS.map((isa) => `--table=${isa}`), '--one-in=24', ...options]));
  }
  for (const arg of args.filter(isCross)) counts.push(...(await testCross(arg.slice('--cross='.length), options)));
  finishTest(counts);
}

/** The same test with every access and conversion checked, on fewer cases. */
async function sanitize(...args) {
  const flags = ['-O1', '-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  finishTest([await runTest(await compileTest('sanitize', { flags }), ['--one-in=40', ...args])]);
}

const clean = () => rmSync(at('build'), { recursive: true, force: true });

const commands = { build, prebuild, test, sanitize, clean };
const command = commands[process.argv[2]];
if (!command) {
  console.log(`usage: kernels-native ${Object.keys(commands).join(' | ')}`);
  process.exit(process.argv[2] === '--help' ? 0 : 2);
}
await command(...process.argv.slice(3));
