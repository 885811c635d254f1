// What binding.gyp says of sources and flags, for those who compile without node-gyp.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { runInNewContext } from 'node:vm';

const at = (path) => resolve(import.meta.dirname, '..', path);

// Without its comments a gyp file is a JavaScript literal; so sources and flags are written there only.
const readGyp = () => runInNewContext(`(${readFileSync(at('binding.gyp'), 'utf8').replace(/^\s*#.*$/gm, '')})`);

/** The kernels' libraries that an architecture has: `{ isa, source, flags }` of each. */
export function kernelLibraries(arch = process.arch) {
  const gyp = readGyp();
  const here = `target_arch=='${arch}'`;
  return gyp.targets
    .filter(({ type }) => type === 'static_library')
    .map((target) => {
      const [condition, then, otherwise] = target.conditions?.[0] ?? [here, {}];
      return { ...target, ...(condition === here ? then : otherwise) };
    })
    .filter(({ sources }) => sources)
    .map(({ target_name: name, sources: [source], cflags_cc: flags = [] }) => ({
      isa: name.replace('octavo_', ''),
      source,
      flags: [...gyp.variables.octavo_cflags, ...flags],
    }));
}

/** The rest of the addon: `{ source, flags }` of each, without the place of Node's headers. */
export function addonSources() {
  const gyp = readGyp();
  const { sources, defines, cflags_cc } = gyp.targets.find(({ type }) => type === 'loadable_module');
  const flags = [...gyp.variables.octavo_cflags, ...cflags_cc, ...defines.map((name) => `-D${name}`)];
  return sources.map((source) => ({ source, flags }));
}
