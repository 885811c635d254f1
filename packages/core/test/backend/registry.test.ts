import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BACKEND_ABI, type Backend } from '../../src/backend/backend.js';
import { doctor } from '../../src/backend/doctor.js';
import { referenceBackend } from '../../src/backend/reference-backend.js';
import {
  activeBackend,
  expectedBackend,
  registerBackend,
  whyReference,
  withBackend,
} from '../../src/backend/registry.js';
import { OctavoError } from '../../src/errors.js';
import * as F from '../../src/functional.js';
import { OP_TABLE_HASH } from '../../src/ops/op-table.js';
import type { Tensor } from '../../src/tensor/tensor.js';

const missingIsas = { amx: 'Linux refused' };
const native: Backend = { ...referenceBackend, name: 'native', isa: 'avx2', missingIsas, threads: 2 };
const registration = { abi: BACKEND_ABI, opTableHash: OP_TABLE_HASH, create: () => native };
const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});

beforeEach(() => {
  delete process.env.OCTAVO_BACKEND;
  warnings.mockClear();
});
afterEach(() => {
  delete process.env.OCTAVO_BACKEND;
});

describe('the choice of a backend', () => {
  it('is the registered one', () => {
    registerBackend(registration);
    expect([activeBackend(), whyReference()]).toEqual([native, null]);
    expect(warnings).not.toHaveBeenCalled();
  });

  it('is the reference where it cannot run, with one warning that says why', () => {
    registerBackend({
      ...registration,
      create: () => {
        throw new Error('no AVX here');
      },
    });
    activeBackend();
    expect([activeBackend(), whyReference()]).toEqual([referenceBackend, 'no AVX here']);
    expect(warnings).toHaveBeenCalledTimes(1);
    expect(warnings).toHaveBeenCalledWith(expect.stringContaining('no AVX here'), {
      code: 'OCTAVO_W_REFERENCE_BACKEND',
      type: 'OctavoWarning',
    });
  });

  it('is no fallback from a wrong setting: that is an error to correct', () => {
    registerBackend({
      ...registration,
      create: () => {
        throw new OctavoError('INVALID_ARGUMENT', "OCTAVO_ISA: unknown instruction set 'foo'");
      },
    });
    expect(() => activeBackend()).toThrow("unknown instruction set 'foo'");
  });

  it('refuses a backend of another ABI or op table', () => {
    registerBackend({ ...registration, abi: BACKEND_ABI + 1 });
    expect(activeBackend()).toBe(referenceBackend);
    expect(whyReference()).toContain('was made for another version of @octavo/core');
    registerBackend({ ...registration, opTableHash: 'other' });
    expect(whyReference()).toContain(`op table other; core has ${BACKEND_ABI}, ${OP_TABLE_HASH}`);
  });

  it('is known before it is asked for, without a warning or an error', () => {
    registerBackend(registration);
    expect([expectedBackend(), withBackend(referenceBackend, expectedBackend)]).toEqual([native, referenceBackend]);
    registerBackend({ ...registration, abi: 0 });
    expect(expectedBackend()).toBe(referenceBackend);
    expect(warnings).not.toHaveBeenCalled();
    expect(activeBackend()).toBe(referenceBackend);
    expect(warnings).toHaveBeenCalledTimes(1);
    process.env.OCTAVO_BACKEND = 'fast';
    registerBackend(registration);
    expect(expectedBackend()).toBeNull();
  });

  it('can be forced by OCTAVO_BACKEND', () => {
    registerBackend(registration);
    process.env.OCTAVO_BACKEND = 'reference';
    expect([activeBackend(), whyReference()]).toEqual([referenceBackend, null]);
    process.env.OCTAVO_BACKEND = 'native';
    registerBackend({ ...registration, abi: 0 });
    expect(() => activeBackend()).toThrow(
      expect.objectContaining({
        code: 'BACKEND_UNAVAILABLE',
        message: expect.stringContaining('OCTAVO_BACKEND=native, but'),
      }),
    );
    process.env.OCTAVO_BACKEND = 'fast';
    expect(() => activeBackend()).toThrow("OCTAVO_BACKEND must be auto, native or reference, got 'fast'");
  });

  it('can be another one for a while', () => {
    registerBackend(registration);
    expect(withBackend(referenceBackend, () => activeBackend())).toBe(referenceBackend);
    expect(() =>
      withBackend(referenceBackend, () => {
        throw new Error('x');
      }),
    ).toThrow('x');
    expect(activeBackend()).toBe(native);
  });
});

describe('doctor', () => {
  it('says what runs and whether it computes right', () => {
    registerBackend(registration);
    const report = doctor();
    expect(report).toMatchObject({
      backend: 'native',
      isa: 'avx2',
      missingIsas,
      threads: 2,
      why: null,
      node: process.versions.node,
    });
    expect(report.platform).toBe(`${process.platform}-${process.arch}`);
    expect(report.selfTest.length).toBeGreaterThan(8);
    expect(report.selfTest.every(({ ok }) => ok)).toBe(true);
  });

  it('names the ops that the backend leaves to the reference', () => {
    const kernel: Backend['kernel'] = (op) => (op.name === 'aten::erf' ? undefined : referenceBackend.kernel(op));
    registerBackend({ ...registration, create: () => ({ ...native, kernel }) });
    expect(doctor().referenceOps).toEqual(['aten::erf']);
  });

  it('finds an op with a wrong bit, or one that fails', () => {
    const wrong: Backend = {
      ...native,
      kernel: (op) => {
        if (op.name === 'aten::gelu') {
          return (inputs, attrs) => {
            const [y] = op.reference(inputs, attrs) as [Tensor<'float32'>];
            y.raw.data[0] = F.add(y, 1e-7).raw.data[0] as number;
            return [y];
          };
        }
        if (op.name === 'aten::tanh') {
          return () => {
            throw new Error('broken kernel');
          };
        }
        return referenceBackend.kernel(op);
      },
    };
    registerBackend({ ...registration, create: () => wrong });
    expect(doctor().selfTest.filter(({ ok }) => !ok)).toEqual([
      { op: 'aten::gelu', ok: false },
      { op: 'aten::tanh', ok: false, error: 'broken kernel' },
    ]);
  });

  it('says why the reference was chosen', () => {
    registerBackend({ ...registration, abi: 0 });
    expect(doctor()).toMatchObject({
      backend: 'reference',
      isa: 'ts',
      missingIsas: {},
      threads: 1,
      why: expect.stringContaining('another version'),
    });
  });
});
