// Compiles the addon for every platform that has a prebuilt binary, on any one of them, with Zig: a C++ compiler that
// carries the headers and the libc of each, so that a binary asks for no newer glibc than it must.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { addonSources, kernelLibraries } from './sources.mjs';

/** The oldest glibc that a binary runs with: RHEL 8's. Debian 10, Ubuntu 18.10 and Amazon Linux 2023 have it or newer. */
export const OLDEST_GLIBC = '2.28';

/** The size that no binary may pass. */
const MOST_BYTES = 1.5e6;

/** Platform, libc, and Zig's name of both. The file's tags are what `node-gyp-build` picks by. */
export const PREBUILDS = [
  { platform: 'linux-x64', tag: 'glibc', zig: `x86_64-linux-gnu.${OLDEST_GLIBC}` },
  { platform: 'linux-x64', tag: 'musl', zig: 'x86_64-linux-musl' },
  { platform: 'linux-arm64', tag: 'glibc', zig: `aarch64-linux-gnu.${OLDEST_GLIBC}` },
  { platform: 'linux-arm64', tag: 'musl', zig: 'aarch64-linux-musl' },
  { platform: 'darwin-x64', zig: 'x86_64-macos.12.0' },
  { platform: 'darwin-arm64', zig: 'aarch64-macos.12.0' },
  { platform: 'win32-x64', zig: 'x86_64-windows-gnu' },
].map((target) => ({ ...target, name: target.tag ? `${target.platform}-${target.tag}` : target.platform }));

const packageRoot = resolve(import.meta.dirname, '..');
const at = (path) => resolve(packageRoot, path);
const require = createRequire(import.meta.url);

const LINK = {
  linux: ['-shared', '-pthread', '-s'],
  // Node's functions are found when the addon is loaded.
  darwin: ['-shared', '-Wl,-undefined,dynamic_lookup', '-s'],
  win32: ['-shared', '-s'],
};

/** Runs a compiler; resolves to whether it did, and to its complaints. */
export function run(command, args) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: packageRoot, stdio: ['ignore', 'ignore', 'pipe'] });
    let output = '';
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', (error) => done({ ok: false, output: error.message }));
    child.on('close', (code) => done({ ok: code === 0, output }));
  });
}

/** Runs `task` on all items, as many at a time as there are cores. */
export async function inParallel(items, task) {
  const queue = [...items];
  const failed = [];
  const work = async () => {
    for (let item = queue.shift(); item && failed.length === 0; item = queue.shift()) {
      const { ok, output } = await task(item);
      if (!ok) failed.push(output);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return failed;
}

/** Windows wants to know at link time where Node's functions come from: a library of their names, from the headers. */
async function importLibrary(zig, nodedir, folder) {
  const headers = ['js_native_api.h', 'node_api.h'].map((name) =>
    readFileSync(join(nodedir, 'include/node', name), 'utf8'),
  );
  const names = [...new Set(headers.join('').match(/\b(napi|node_api)_\w+(?=\()/g))].sort();
  const [definition, library] = [join(folder, 'node.def'), join(folder, 'node.lib')];
  writeFileSync(definition, `LIBRARY node.exe\nEXPORTS\n${names.map((name) => `  ${name}\n`).join('')}`);
  const { ok, output } = await run(zig[0], [
    ...zig.slice(1),
    'dlltool',
    '-m',
    'i386:x86-64',
    '-d',
    definition,
    '-l',
    library,
  ]);
  if (!ok) throw new Error(output);
  return library;
}

/** A flag as Zig has it: GCC's -march of ARM is a CPU with features there. */
const zigFlag = (flag) =>
  flag.replace(
    /^-march=armv(\d)(?:\.(\d))?-a/,
    (_, major, minor) => `-mcpu=generic${minor ? `+v${major}_${minor}a` : ''}`,
  );

async function prebuild([zig, ...zigArgs], nodedir, { name, platform, tag, zig: triple }) {
  const [os, arch] = platform.split('-');
  const folder = at(`build/prebuild/${name}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const compiler = [...zigArgs, 'c++', '-target', triple];
  const includes = [join(nodedir, 'include/node'), resolve(require('node-addon-api').include_dir)].flatMap((path) => [
    '-isystem',
    path,
  ]);
  // Zig takes what is compiled for musl to be linked statically, unless told otherwise.
  const shared = os === 'win32' ? [] : ['-fPIC'];
  const objects = [...kernelLibraries(arch), ...addonSources()].map(({ source, flags }) => ({
    args: [...compiler, ...flags.map(zigFlag), ...shared, '-g0', ...includes, '-c', source],
    // Folders have files of the same name.
    path: join(folder, source.replaceAll('/', '-').replace(/\.cc$/, '.o')),
  }));
  const failed = await inParallel(objects, ({ args, path }) => run(zig, [...args, '-o', path]));
  const file = at(`prebuilds/${platform}/${['@octavo+kernels-native', tag, 'node'].filter(Boolean).join('.')}`);
  if (failed.length === 0) {
    mkdirSync(dirname(file), { recursive: true });
    const libraries = os === 'win32' ? [await importLibrary([zig, ...zigArgs], nodedir, folder)] : [];
    const paths = objects.map(({ path }) => path);
    const { ok, output } = await run(zig, [...compiler, ...LINK[os], ...paths, ...libraries, '-o', file]);
    if (!ok) failed.push(output);
  }
  return { file, failed };
}

/** What a Linux binary asks of the system beyond what is promised, in words; `readelf` where it is missing. */
export function elfProblems(file, tag) {
  const { status, stdout } = spawnSync('readelf', ['-dVW', file], { encoding: 'utf8' });
  if (status !== 0) return ['not checked: readelf is missing'];
  const needed = [...stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, library]) => library);
  const allowed = tag === 'musl' ? /^libc\.so$/ : /^(libc|libm|libpthread|libdl|librt)\.so\.\d$|^ld-linux/;
  const versions = [...new Set(stdout.match(/GLIBC_[\d.]+/g))].map((version) => version.slice('GLIBC_'.length));
  const tooNew = tag === 'musl' ? versions : versions.filter((version) => compareVersions(version, OLDEST_GLIBC) > 0);
  return [
    ...needed.filter((library) => !allowed.test(library)).map((library) => `needs ${library}`),
    ...tooNew.map((version) => `needs glibc ${version}`),
  ];
}

const compareVersions = (a, b) => a.localeCompare(b, 'en', { numeric: true });

/** Prebuilds for the named platforms, or all. Returns an exit code: 0, 1 where one failed, 2 for an unknown name. */
export async function prebuildWithZig(zig, nodedir, names) {
  const unknown = names.filter((name) => !PREBUILDS.some((target) => target.name === name));
  if (unknown.length > 0) {
    console.error(`no such platform: ${unknown.join(', ')}; known: ${PREBUILDS.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  let code = 0;
  for (const target of PREBUILDS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const { file, failed } = await prebuild(zig, nodedir, target);
    if (failed.length === 0) {
      const size = statSync(file).size;
      failed.push(...(target.tag ? elfProblems(file, target.tag) : []));
      if (size > MOST_BYTES) failed.push(`is larger than ${MOST_BYTES} bytes`);
      console.log(
        `${failed.length === 0 ? 'ok    ' : 'FAILED'} ${target.name.padEnd(18)} ${size} bytes  ${relative(packageRoot, file)}`,
      );
    } else {
      console.log(`FAILED ${target.name}`);
    }
    // A linker may have a complaint for each of thousands of symbols.
    for (const problem of failed) console.log(`  ${problem.slice(0, 2000)}`);
    if (failed.length > 0) code = 1;
  }
  return code;
}
