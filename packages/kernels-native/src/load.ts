import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OctavoError } from '@octavo/core';
import { ADDON_ABI, type NativeAddon } from './native.js';

const require = createRequire(import.meta.url);
// `src/` and `dist/` both lie directly under the package.
const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..');

let loaded: NativeAddon | undefined;

/**
 * The addon: the file named by OCTAVO_BINARY, else what `node-gyp-build` finds (a local build, then the prebuild of
 * this platform). Throws BACKEND_UNAVAILABLE with what was tried and what to do.
 */
export function loadAddon(): NativeAddon {
  loaded ??= load();
  return loaded;
}

function load(): NativeAddon {
  const named = process.env.OCTAVO_BINARY;
  try {
    if (named) return checked(require(resolve(named)));
    const build = require('node-gyp-build') as (root: string) => unknown;
    return checked(build(packageRoot));
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).split('\n')[0];
    const tried = named ? `OCTAVO_BINARY=${named}` : `build/Release and prebuilds/${process.platform}-${process.arch}`;
    throw new OctavoError(
      'BACKEND_UNAVAILABLE',
      `the native kernels of @octavo/kernels-native could not be loaded (tried ${tried}: ${why}). ` +
        'Build them with `npx @octavo/kernels-native build` (needs a C++17 compiler and Python 3), or set OCTAVO_BACKEND=reference',
      { cause: error },
    );
  }
}

/** The addon, or an error that says it was compiled for another version: a stale local build, a mixed-up install. */
function checked(loaded: unknown): NativeAddon {
  const addon = loaded as NativeAddon;
  const abi = typeof addon?.describe === 'function' ? addon.describe().abi : undefined;
  if (abi === ADDON_ABI) return addon;
  throw new Error(
    `it was compiled for another version of this package: its ABI is ${abi ?? 'not told'}, ${ADDON_ABI} is needed`,
  );
}
