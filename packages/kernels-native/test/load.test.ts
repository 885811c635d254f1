import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** node-gyp-build looks here instead of into the package. */
const PREBUILD_FOLDER = '@OCTAVO/KERNELS_NATIVE_PREBUILD';
/** A valid ELF header of a shared object for a machine that runs no Node: IBM S/360. */
const FOREIGN_ELF = Buffer.from(`7f454c46020101${'00'.repeat(9)}03000a0001000000${'00'.repeat(40)}`, 'hex');

const release = resolve(import.meta.dirname, '../build/Release');
const compiled = existsSync(release) ? readdirSync(release).find((name) => name.endsWith('.node')) : undefined;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'octavo-load-'));
  vi.resetModules();
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Writes files into prebuilds/ of a package that has nothing else. */
function prebuilds(files: Record<string, string | Buffer>): void {
  const place = join(folder, 'prebuilds', `${process.platform}-${process.arch}`);
  mkdirSync(place, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(place, name), content);
  vi.stubEnv(PREBUILD_FOLDER, folder);
}

describe('loading the addon', () => {
  it.each([
    ['a missing file', 'kernels.node', undefined],
    ['a corrupted file', 'kernels.node', 'not a shared object'],
    ['a file for another processor', 'kernels.node', FOREIGN_ELF],
    ['a stale file', 'kernels.cjs', 'exports.describe = () => ({ abi: 0 });'],
    ['a file that is something else', 'kernels.cjs', 'exports.hello = 1;'],
  ])('explains %s: what was tried and what to do', async (_, name, content) => {
    const file = join(folder, name);
    if (content !== undefined) writeFileSync(file, content);
    vi.stubEnv('OCTAVO_BINARY', file);
    const { loadAddon } = await import('../src/load.js');
    expect(loadAddon).toThrow(
      expect.objectContaining({
        code: 'BACKEND_UNAVAILABLE',
        message: expect.stringContaining(`OCTAVO_BINARY=${file}`),
      }),
    );
    expect(loadAddon).toThrow(/npx @octavo\/kernels-native build/);
  });

  it('says which version a stale file is of', async () => {
    vi.stubEnv('OCTAVO_BINARY', join(folder, 'kernels.cjs'));
    writeFileSync(join(folder, 'kernels.cjs'), 'exports.describe = () => ({ abi: 0 });');
    const { loadAddon } = await import('../src/load.js');
    expect(loadAddon).toThrow(/compiled for another version of this package: its ABI is 0, \d+ is needed/);
  });

  it('explains a platform without a prebuild', async () => {
    prebuilds({});
    const { loadAddon } = await import('../src/load.js');
    const place = `prebuilds/${process.platform}-${process.arch}`;
    expect(loadAddon).toThrow(new RegExp(`tried build/Release and ${place}: No native build was found`));
  });

  it.skipIf(!compiled || process.platform !== 'linux')('takes the prebuild of its libc', async () => {
    const libc = existsSync('/etc/alpine-release') ? 'musl' : 'glibc';
    const other = libc === 'musl' ? 'glibc' : 'musl';
    prebuilds({ [`@octavo+kernels-native.${other}.node`]: 'not for this libc' });
    const place = join(folder, 'prebuilds', `${process.platform}-${process.arch}`);
    copyFileSync(join(release, compiled as string), join(place, `@octavo+kernels-native.${libc}.node`));
    const { loadAddon } = await import('../src/load.js');
    expect(loadAddon().describe().isas[0]).toBe('scalar');
  });

  it.each([
    ['a missing file', undefined],
    ['a corrupted file', 'not a shared object'],
    ['a file for another processor', FOREIGN_ELF],
  ])('falls back from %s to the reference with one warning', async (_, content) => {
    prebuilds(content === undefined ? {} : { '@octavo+kernels-native.node': content });
    const warnings: string[] = [];
    const spy = vi.spyOn(process, 'emitWarning').mockImplementation((message) => void warnings.push(String(message)));
    const { activeBackend, BACKEND_ABI, OP_TABLE_HASH, registerBackend, whyReference } = await import('@octavo/core');
    const { createNativeBackend } = await import('../src/backend.js');
    registerBackend({ abi: BACKEND_ABI, opTableHash: OP_TABLE_HASH, create: () => createNativeBackend() });
    expect([activeBackend().name, activeBackend().name]).toEqual(['reference', 'reference']);
    const tried = `tried build/Release and prebuilds/${process.platform}-${process.arch}`;
    expect(whyReference()).toContain(tried);
    expect(warnings).toEqual([expect.stringContaining(tried)]);
    spy.mockRestore();
  });

  it('says why each instruction set that cannot run here cannot', async () => {
    const { loadAddon } = await import('../src/load.js');
    const { createNativeBackend } = await import('../src/index.js');
    const { isas, knownIsas, missing } = loadAddon().describe();
    expect(knownIsas.filter((isa) => isas.includes(isa) !== isa in missing)).toEqual(knownIsas);
    for (const why of Object.values(missing))
      expect(why).toMatch(/^(the CPU has no|the operating system|Linux refused)/);
    expect(createNativeBackend({ isa: 'scalar' }).missingIsas).toEqual(missing);
    expect(createNativeBackend({ isa: knownIsas.at(-1) as string }).isa).toBe(isas.at(-1));
  });

  it('refuses an unknown instruction set and a bad thread count', async () => {
    const { createNativeBackend } = await import('../src/index.js');
    expect(() => createNativeBackend({ isa: 'sse9' })).toThrow(/isa: unknown instruction set 'sse9'; known: scalar/);
    vi.stubEnv('OCTAVO_THREADS', 'many');
    expect(() => createNativeBackend()).toThrow(/OCTAVO_THREADS/);
  });
});
