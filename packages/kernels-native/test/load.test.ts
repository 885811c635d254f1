import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

describe('loading the addon', () => {
  it.each([
    ['a missing file', undefined],
    ['a corrupted file', 'not a shared object'],
  ])('explains %s: what was tried and what to do', async (_, content) => {
    const folder = mkdtempSync(join(tmpdir(), 'octavo-load-'));
    const file = join(folder, 'kernels.node');
    if (content !== undefined) writeFileSync(file, content);
    vi.stubEnv('OCTAVO_BINARY', file);
    vi.resetModules();
    const { loadAddon } = await import('../src/load.js');
    expect(loadAddon).toThrow(
      expect.objectContaining({
        code: 'BACKEND_UNAVAILABLE',
        message: expect.stringContaining(`OCTAVO_BINARY=${file}`),
      }),
    );
    rmSync(folder, { recursive: true });
  });

  it('falls back to the reference with one warning', async () => {
    vi.stubEnv('OCTAVO_BINARY', '/nowhere/kernels.node');
    const warnings: string[] = [];
    const spy = vi.spyOn(process, 'emitWarning').mockImplementation((message) => void warnings.push(String(message)));
    const { activeBackend, registerBackend, whyReference } = await import('@octavo/core');
    const { createNativeBackend } = await import('../src/backend.js');
    const { BACKEND_ABI, OP_TABLE_HASH } = await import('@octavo/core');
    registerBackend({ abi: BACKEND_ABI, opTableHash: OP_TABLE_HASH, create: () => createNativeBackend() });
    expect([activeBackend().name, activeBackend().name]).toEqual(['reference', 'reference']);
    expect(whyReference()).toMatch(/nowhere/);
    expect(warnings).toHaveLength(1);
    spy.mockRestore();
  });

  it('refuses an unknown instruction set and a bad thread count', async () => {
    const { createNativeBackend } = await import('../src/index.js');
    expect(() => createNativeBackend({ isa: 'sse9' })).toThrow(/isa: unknown instruction set 'sse9'; known: scalar/);
    vi.stubEnv('OCTAVO_THREADS', 'many');
    expect(() => createNativeBackend()).toThrow(/OCTAVO_THREADS/);
  });
});
