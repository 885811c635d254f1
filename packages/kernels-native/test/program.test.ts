import { isOctavoError, opByName, type Program, referenceBackend, Tensor } from '@octavo/core';
import { describe, expect, it, vi } from 'vitest';
import { createNativeBackend, supportedIsas } from '../src/index.js';
import { bitsOf, floats, generator } from './random.js';
import { randomProgram } from './random-program.js';

const ROUNDS = process.env.OCTAVO_TEST_LONG ? 10_000 : 300;
const backends = supportedIsas().flatMap((isa) => [1, 2].map((threads) => createNativeBackend({ isa, threads })));

const doubling: Program = {
  values: [{ name: 'x' }, { name: 'y' }],
  instructions: [{ op: 'aten::add', inputs: [0, 0], outputs: [1], attrs: {} }],
  inputs: [{ name: 'x', value: 0, dtype: 'float32' }],
  outputs: [{ name: 'y', value: 1 }],
};

/** Long enough that an abort lands between two instructions: many additions of a large tensor. */
const long: Program = {
  values: [{ name: 'x' }, ...Array.from({ length: 400 }, (_, i) => ({ name: `%${i}` }))],
  instructions: Array.from({ length: 400 }, (_, i) => ({ op: 'aten::exp', inputs: [i], outputs: [i + 1], attrs: {} })),
  inputs: [{ name: 'x', value: 0, dtype: 'float32' }],
  outputs: [{ name: 'y', value: 400 }],
};

describe('native programs', () => {
  it(`have the interpreter's bits on every instruction set and thread count: ${ROUNDS} random programs`, async () => {
    for (let seed = 0; seed < ROUNDS; seed++) {
      const { program, input } = randomProgram(generator(seed));
      const expected = referenceBackend.compile(program).run([input]).map(bitsOf);
      for (const backend of backends) {
        const executable = backend.compile(program);
        const name = `seed ${seed} on ${backend.isa}, ${backend.threads} threads`;
        expect(executable.run([input]).map(bitsOf), name).toEqual(expected);
        if (seed % 10 === 0)
          expect((await executable.runAsync([input])).map(bitsOf), `${name}, async`).toEqual(expected);
        executable.dispose();
      }
    }
  }, 600_000);

  it('serve any shape, more of them than are kept ready', () => {
    const executable = (backends[0] as (typeof backends)[0]).compile(doubling);
    for (let n = 0; n < 40; n++) {
      const x = floats(generator(n), [n, 2]);
      expect(executable.run([x])[0]?.data).toEqual(x.data.map((v) => v + v));
    }
    expect(executable.run([new Tensor(new Float32Array([1, 2]), [1, 2])])[0]?.data).toEqual(new Float32Array([2, 4]));
  });

  it('give memory of its own to each output: an input, its reshape, a constant, one value twice', async () => {
    const values = [{ name: 'x' }, { name: 'y' }, { name: 'flat' }, { name: 'c', constant: Tensor.from([7]) }];
    const flatten = { op: 'aten::reshape', inputs: [0], outputs: [2], attrs: { dims: [-1] } };
    const outputs = [1, 1, 0, 2, 3].map((value, i) => ({ name: `${i}`, value }));
    const program = { ...doubling, values, instructions: [...doubling.instructions, flatten], outputs };
    const x = new Tensor(new Float32Array([1, 2]), [1, 2]);
    for (const backend of backends) {
      const executable = backend.compile(program);
      for (const results of [executable.run([x]), await executable.runAsync([x])]) {
        expect(results.map(({ data }) => [...data])).toEqual([[2, 4], [2, 4], [1, 2], [1, 2], [7]]);
        expect(new Set([x, ...results].map(({ data }) => data.buffer)).size).toBe(6);
      }
    }
  });

  it('run many at once and in order, each with its own inputs', async () => {
    const executable = (backends.at(-1) as (typeof backends)[0]).compile(doubling);
    const inputs = Array.from({ length: 50 }, (_, i) => new Tensor('float32', new Float32Array([i, i + 0.5])));
    const runs = inputs.map((x) => {
      const run = executable.runAsync([x]);
      // The inputs were copied: what happens to them now is of no effect.
      x.data.fill(-1);
      return run;
    });
    const results = await Promise.all(runs);
    expect(results.map(([y]) => y?.data[0])).toEqual(inputs.map((_, i) => 2 * i));
  });

  it('leave the event loop free: timers and turns come while one runs', async () => {
    const executable = (backends.at(-1) as (typeof backends)[0]).compile(long);
    const events: string[] = [];
    const run = executable.runAsync([Tensor.zeros([1 << 18])]).then(() => events.push('done'));
    await new Promise((resolve) => setImmediate(resolve));
    events.push('turn');
    setTimeout(() => events.push('timer'), 1);
    await run;
    expect(events).toEqual(['turn', 'timer', 'done']);
  });

  it('stop between instructions when aborted, before and during a run', async () => {
    const executable = (backends.at(-1) as (typeof backends)[0]).compile(long);
    const x = Tensor.zeros([1 << 18]);
    const during = new AbortController();
    const run = executable.runAsync([x], { signal: during.signal });
    during.abort(new Error('changed my mind'));
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(executable.runAsync([x], { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('keep their memory until the last run is done, and refuse later ones', async () => {
    const executable = (backends.at(-1) as (typeof backends)[0]).compile(doubling);
    const run = executable.runAsync([new Tensor(new Float32Array([3]))]);
    executable.dispose();
    executable.dispose();
    expect((await run)[0]?.data[0]).toBe(6);
    expect(() => executable.run([new Tensor(new Float32Array([3]))])).toThrow(
      expect.objectContaining({ code: 'DISPOSED' }),
    );
  });

  it('refuse memory that may change under a native thread, by name', () => {
    const executable = (backends[0] as (typeof backends)[0]).compile(doubling);
    const shared = new Tensor(new Float32Array(new SharedArrayBuffer(8)));
    const resizable = new Tensor(new Float32Array(Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }])));
    const detached = new Tensor(new Float32Array(2));
    structuredClone(detached.data.buffer, { transfer: [detached.data.buffer as ArrayBuffer] });
    expect(() => executable.run([shared])).toThrow(/SharedArrayBuffer/);
    expect(() => executable.run([resizable])).toThrow(/resizable/);
    expect(() => executable.run([detached])).toThrow(/detached/);
  });

  it('turn native errors into OctavoErrors with their code', () => {
    const lookup: Program = {
      values: [{ name: 'ids' }, { name: 'table', constant: floats(generator(1), [4, 2]) }, { name: 'rows' }],
      instructions: [{ op: 'aten::embedding', inputs: [1, 0], outputs: [2], attrs: {} }],
      inputs: [{ name: 'ids', value: 0, dtype: 'int64' }],
      outputs: [{ name: 'rows', value: 2 }],
    };
    const executable = (backends[0] as (typeof backends)[0]).compile(lookup);
    try {
      executable.run([Tensor.from([1, 7], { dtype: 'int64' })]);
      expect.unreachable();
    } catch (error) {
      expect(isOctavoError(error) && error.code).toBe('INVALID_DATA');
      expect((error as Error).message).toMatch(/id 7 at position 1/);
    }
  });

  it('run ops without a kernel on the reference, with the same bits and one warning that names them', async () => {
    const mixed: Program = {
      values: [
        { name: 'x' },
        { name: 'w', constant: floats(generator(5), [4, 6]) },
        ...['a', 'b', 'y'].map((name) => ({ name })),
        { name: 'bags', constant: Tensor.from([2, 0, 1, 1, 0, 2], { dtype: 'int64', dims: [3, 2] }) },
      ],
      instructions: [
        { op: 'aten::linear', inputs: [0, 1, -1], outputs: [2], attrs: { activation: 2 } },
        { op: 'aten::embedding_bag', inputs: [2, 5], outputs: [3], attrs: { mode: 1, paddingIdx: -1 } },
        { op: 'aten::add', inputs: [3, 2], outputs: [4], attrs: {} },
      ],
      inputs: [{ name: 'x', value: 0, dtype: 'float32' }],
      outputs: [{ name: 'y', value: 4 }],
    };
    const warnings: unknown[] = [];
    const spy = vi.spyOn(process, 'emitWarning').mockImplementation((...args: unknown[]) => void warnings.push(args));
    const x = floats(generator(6), [3, 6]);
    const expected = referenceBackend.compile(mixed).run([x]).map(bitsOf);
    for (const backend of backends) {
      expect(backend.kernel(opByName('aten::embedding_bag'))).toBeUndefined();
      const executable = backend.compile(mixed);
      expect(executable.referenceOps).toEqual(['aten::embedding_bag']);
      expect(executable.run([x]).map(bitsOf)).toEqual(expected);
      expect((await executable.runAsync([x])).map(bitsOf)).toEqual(expected);
      executable.dispose();
      expect(() => executable.run([x])).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
    }
    expect(warnings).toEqual([
      [expect.stringContaining('aten::embedding_bag'), { code: 'OCTAVO_W_REFERENCE_OPS', type: 'OctavoWarning' }],
    ]);
    expect((backends[0] as (typeof backends)[0]).compile(doubling).referenceOps).toEqual([]);
    spy.mockRestore();
  });

  it('do not grow over a thousand lives', () => {
    const { program, input } = randomProgram(generator(3));
    const live = (): void => {
      const executable = (backends[0] as (typeof backends)[0]).compile(program);
      executable.run([input]);
      executable.dispose();
    };
    for (let i = 0; i < 200; i++) live();
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 1000; i++) live();
    // The garbage collector's own slack; a leak of one arena or pack a life would be far above it.
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 << 20);
  });
});
