import { doctor, withBackend } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { createNativeBackend, supportedIsas } from '../src/index.js';

describe('doctor on native kernels', () => {
  it.each(supportedIsas())('names the kernel of each op and measures %s', (isa) => {
    const backend = createNativeBackend({ isa, threads: 1 });
    const report = withBackend(backend, doctor);
    expect(report).toMatchObject({ backend: 'native', isa });
    expect(report.kernels).toMatchObject({
      'aten::linear': backend.kernelNames.gemmF32,
      'quantized::linear_dynamic': backend.kernelNames.gemmU8S8,
      'aten::gelu': `rows__${isa}`,
    });
    for (const op of report.referenceOps) expect(report.kernels[op]).toBe('reference');
    expect(report.peak?.int8).toBeGreaterThan(0);
    expect(report.peak?.float32).toBeGreaterThan(0);
    expect(report.selfTest.filter(({ ok }) => !ok)).toEqual([]);
  });

  it.skipIf(!supportedIsas().includes('avx2'))('lists what the CPU has', () => {
    const { cpuFeatures } = withBackend(createNativeBackend({ threads: 1 }), doctor);
    expect(cpuFeatures).toEqual(expect.arrayContaining(['avx', 'avx2', 'fma']));
    expect(cpuFeatures.includes('avx512vnni')).toBe(supportedIsas().includes('avx512vnni'));
  });
});
