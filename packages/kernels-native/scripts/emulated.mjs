// The addon with instruction sets that this CPU lacks: their kernels over native/test/emulated, everything else as usual. Whole
// programs run on it, slowly, and must give every other level's bits: `OCTAVO_BINARY=FILE OCTAVO_ISA=amx`.
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { inParallel, run } from './prebuild.mjs';
import { addonSources, kernelLibraries } from './sources.mjs';

const require = createRequire(import.meta.url);
const at = (path) => resolve(import.meta.dirname, '..', path);

/** Instruction sets that native/test/emulated stands in for. */
export const EMULATED_ISAS = ['avxvnni', 'avx512vnni', 'amx'];

/** The kernels' libraries, those of emulated instruction sets with the flags of the emulation. */
export function emulatedLibraries(arch) {
  const libraries = kernelLibraries(arch);
  const common = libraries.find(({ isa }) => isa === 'scalar').flags;
  // Loops over lanes take GCC half a minute at -O3.
  const emulation = [...common, '-mavx2', '-mfma', '-O1', '-Inative/test/emulated'];
  return libraries.map((library) => (EMULATED_ISAS.includes(library.isa) ? { ...library, flags: emulation } : library));
}

/** Compiles that addon; resolves to `{ file, failed }`, failures in the compiler's words. */
export async function buildEmulated(cxx, nodedir) {
  const folder = at('build/emulated');
  mkdirSync(folder, { recursive: true });
  const headers = [join(nodedir, 'include/node'), resolve(require('node-addon-api').include_dir)];
  const common = ['-fPIC', '-DOCTAVO_EMULATED', ...headers.flatMap((path) => ['-isystem', path])];
  const objects = [...emulatedLibraries(), ...addonSources()].map(({ source, flags }) => ({
    source,
    flags,
    path: join(folder, source.replaceAll('/', '-').replace(/\.cc$/, '.o')),
  }));
  const failed = await inParallel(objects, ({ source, flags, path }) =>
    run(cxx, [...flags, ...common, '-c', source, '-o', path]),
  );
  const file = join(folder, 'octavo_kernels.node');
  if (failed.length === 0) {
    const { ok, output } = await run(cxx, ['-shared', '-pthread', ...objects.map(({ path }) => path), '-o', file]);
    if (!ok) failed.push(output);
  }
  return { file, failed };
}
