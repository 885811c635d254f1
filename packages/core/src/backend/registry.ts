import { isOctavoError, OctavoError } from '../errors.js';
import { OP_TABLE_HASH } from '../ops/op-table.js';
import { BACKEND_ABI, type Backend } from './backend.js';
import { referenceBackend } from './reference-backend.js';

/** What a backend package hands over when it is imported. */
export interface BackendRegistration {
  readonly abi: number;
  /** Hash of the op table that the backend was built with. */
  readonly opTableHash: string;
  /** The backend, or an error that says why it cannot run here. */
  readonly create: () => Backend;
}

interface Registry {
  registration: BackendRegistration | null;
  active: Backend | null;
  forced: Backend | null;
  whyReference: string | null;
  searched: boolean;
  /** What to warn of when the active backend is first asked for. */
  warning?: string | null;
}

// One registry for all copies of this package: importing the native backend from CJS serves ESM code as well.
const KEY = Symbol.for('@octavo/backends.v1');
const shared = globalThis as { [KEY]?: Registry };
shared[KEY] ??= { registration: null, active: null, forced: null, whyReference: null, searched: false };
const registry = shared[KEY];

/** Called by a backend package's entry. The last registration wins; the backend is made at first use. */
export function registerBackend(registration: BackendRegistration): void {
  registry.registration = registration;
  registry.active = null;
  registry.whyReference = null;
  registry.warning = null;
}

/** The backend that ops and programs run on: native where it loads, else the reference with one warning. */
export function activeBackend(): Backend {
  if (registry.forced !== null) return registry.forced;
  registry.active ??= choose();
  if (registry.warning) warn(registry.warning);
  registry.warning = null;
  return registry.active;
}

/**
 * @internal What `activeBackend` will give, without its warning, or null where it will throw: for code that runs on every
 * backend and is quicker with the help of some.
 */
export function expectedBackend(): Backend | null {
  try {
    registry.active ??= choose();
    return registry.forced ?? registry.active;
  } catch {
    return null;
  }
}

/** Runs `body` on `backend` instead of the active one; for tests and comparisons. */
export function withBackend<R>(backend: Backend, body: () => R): R {
  const before = registry.forced;
  registry.forced = backend;
  try {
    return body();
  } finally {
    registry.forced = before;
  }
}

/** Why the reference was chosen, or null when it was not or when it was asked for. */
export function whyReference(): string | null {
  activeBackend();
  return registry.whyReference;
}

function choose(): Backend {
  const wish = environment('OCTAVO_BACKEND') ?? 'auto';
  if (!['auto', 'native', 'reference'].includes(wish)) {
    throw new OctavoError('INVALID_ARGUMENT', `OCTAVO_BACKEND must be auto, native or reference, got '${wish}'`);
  }
  if (wish === 'reference') return referenceBackend;
  try {
    return createNative();
  } catch (error) {
    // A wrong setting is for the user to correct, not to work around.
    if (isOctavoError(error) && error.code === 'INVALID_ARGUMENT') throw error;
    const why = error instanceof Error ? error.message : String(error);
    if (wish === 'native') {
      throw new OctavoError('BACKEND_UNAVAILABLE', `OCTAVO_BACKEND=native, but the native backend cannot run: ${why}`, {
        cause: error,
      });
    }
    registry.whyReference = why;
    registry.warning = `the TypeScript reference backend is used, which is slow: ${why}`;
    return referenceBackend;
  }
}

function createNative(): Backend {
  if (registry.registration === null && !registry.searched) {
    registry.searched = true;
    requireNative();
  }
  const registration = registry.registration;
  if (registration === null)
    throw new Error('@octavo/kernels-native is not installed (npm install @octavo/kernels-native)');
  if (registration.abi !== BACKEND_ABI || registration.opTableHash !== OP_TABLE_HASH) {
    throw new Error(
      `@octavo/kernels-native was made for another version of @octavo/core (backend ABI ${registration.abi}, op table ` +
        `${registration.opTableHash}; core has ${BACKEND_ABI}, ${OP_TABLE_HASH}); update both`,
    );
  }
  return registration.create();
}

/**
 * Loads the native package if the application has it, without importing any `node:` module: browsers and Deno
 * have no `getBuiltinModule('module')` and simply stay on the reference.
 */
function requireNative(): void {
  const builtin = globalThis.process?.getBuiltinModule?.('module') as typeof import('node:module') | undefined;
  if (builtin?.createRequire === undefined) return;
  const bases = [`${globalThis.process.cwd()}/package.json`, globalThis.process.argv[1]];
  const failures: unknown[] = [];
  for (const base of bases) {
    if (!base) continue;
    try {
      builtin.createRequire(base)('@octavo/kernels-native');
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== 'MODULE_NOT_FOUND') failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function environment(name: string): string | undefined {
  return globalThis.process?.env?.[name] || undefined;
}

function warn(message: string): void {
  if (globalThis.process?.emitWarning) {
    globalThis.process.emitWarning(message, { code: 'OCTAVO_W_REFERENCE_BACKEND', type: 'OctavoWarning' });
  }
}
