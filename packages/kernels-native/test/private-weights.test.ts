import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  type Executable,
  LinearPackedParams,
  type Program,
  QuantizedTensor,
  referenceBackend,
  Tensor,
} from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { createNativeBackend, supportedIsas } from '../src/index.js';
import { bitsOf, codes, floats, generator } from './random.js';

const backends = supportedIsas().flatMap((isa) => [1, 2].map((threads) => createNativeBackend({ isa, threads })));
const backend = backends.at(-1) as (typeof backends)[0];

/** The elements of a tensor in memory that nobody else has, as a file's tensors are read into; `offset` bytes off alignment. */
function privately<T extends 'int8' | 'float32'>({ type, raw }: Tensor<T>, offset = 0): Tensor<T> {
  const bytes = backend.allocate?.(raw.data.byteLength + offset) as Uint8Array;
  const elements = new (raw.data.constructor as Float32ArrayConstructor)(
    bytes.buffer as ArrayBuffer,
    bytes.byteOffset + offset,
    raw.data.length,
  );
  elements.set(raw.data as Float32Array);
  return Tensor.privately(type, elements as never, raw.dims);
}

interface Weights {
  readonly table: Tensor<'float32'>;
  readonly codes: Tensor<'int8'>;
  readonly weight: Tensor<'float32'>;
}

/** Weights of n columns each; k and n decide whether panels fit where the weights are. */
function weightsOf(seed: number, n: number, k: number): Weights {
  const random = generator(seed);
  return { table: floats(random, [40, k]), codes: codes(random, [n, k], 'int8'), weight: floats(random, [n, n]) };
}

function privateWeights({ table, codes, weight }: Weights, offset = 0): Weights {
  return { table: privately(table, offset), codes: privately(codes, offset), weight: privately(weight, offset) };
}

/** Rows of a table through an int8 and a float linear. */
function programOf(weights: Weights): Program {
  const n = weights.weight.raw.dims[0] as number;
  const scales = Float32Array.from({ length: n }, (_, i) => 0.01 + i / 1000);
  const quantized = new QuantizedTensor('qint8', weights.codes, { scales, zeroPoints: new Int32Array(n), axis: 0 });
  const packed = new LinearPackedParams(quantized, null, { owned: true });
  const attrs = { scheme: 0, reduceRange: 0, activation: 0 };
  return {
    values: [
      { name: 'ids' },
      { name: 'table', constant: weights.table },
      { name: 'rows' },
      { name: 'packed', constant: packed },
      { name: 'hidden' },
      { name: 'weight', constant: weights.weight },
      { name: 'y' },
    ],
    instructions: [
      { op: 'aten::embedding', inputs: [1, 0], outputs: [2], attrs: {} },
      { op: 'quantized::linear_dynamic', inputs: [2, 3], outputs: [4], attrs },
      { op: 'aten::linear', inputs: [4, 5, -1], outputs: [6], attrs: { activation: 0 } },
    ],
    inputs: [{ name: 'ids', value: 0, dtype: 'int64' }],
    outputs: [{ name: 'y', value: 6 }],
  };
}

/** All garbage at once, as `node --expose-gc` has it. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

const ids = Tensor.from([3, 39, 0, 7, 3], { dtype: 'int64' });
const answer = (executable: Executable): string => bitsOf(executable.run([ids])[0] as Tensor);
const SIZES: readonly (readonly [n: number, k: number, offset: number])[] = [
  [32, 64, 0],
  [32, 64, 4],
  [33, 64, 0],
  [32, 50, 0],
];

describe('weights in memory that nobody else has', () => {
  it('give the same bits and come back the same, whether or not their panels fit in their place', async () => {
    for (const [seed, [n, k, offset]] of SIZES.entries()) {
      const plain = weightsOf(seed, n, k);
      const expected = answer(referenceBackend.compile(programOf(plain)));
      for (const each of backends) {
        const own = privateWeights(plain, offset);
        const program = programOf(own);
        const name = `${n}x${k} at ${offset} on ${each.isa}, ${each.threads} threads`;
        const executable = each.compile(program);
        expect(answer(executable), name).toBe(expected);
        expect(bitsOf((await executable.runAsync([ids]))[0] as Tensor), name).toBe(expected);
        // A second program of the same backend, another backend's, and the reference find them too.
        expect(answer(each.compile(program)), name).toBe(expected);
        expect(answer((backends[0] as typeof each).compile(program)), name).toBe(expected);
        expect(answer(referenceBackend.compile(program)), name).toBe(expected);
        for (const part of ['table', 'codes', 'weight'] as const) {
          expect(bitsOf(own[part]), `${name}: ${part}`).toBe(bitsOf(plain[part]));
        }
        expect(answer(executable), name).toBe(expected);
      }
    }
  });

  it('are not copied: a table is read and panels lie where the weights were', () => {
    const own = privateWeights(weightsOf(1, 32, 64));
    const before = [own.table, own.codes, own.weight].map(({ raw }) => raw.peek);
    const executable = backend.compile(programOf(own));
    expect(own.table.raw.peek).toBe(before[0]);
    expect([own.codes.raw.owned, own.weight.raw.owned]).toEqual([null, null]);
    const expected = answer(executable);
    for (const memory of before) memory?.fill(0);
    expect(answer(executable)).not.toBe(expected);
  });

  it('may be written to, detached and transferred by whoever reads them later, which no program notices', async () => {
    const plain = weightsOf(2, 32, 64);
    const expected = answer(backend.compile(programOf(plain)));
    const own = privateWeights(plain);
    const program = programOf(own);
    const executable = backend.compile(program);
    const run = executable.runAsync([ids]);
    for (const { raw } of [own.table, own.codes, own.weight]) raw.data.fill(1);
    expect(bitsOf((await run)[0] as Tensor)).toBe(expected);
    const written = answer(backend.compile(programOf(own)));
    expect(written).not.toBe(expected);
    expect(written).toBe(answer(referenceBackend.compile(programOf(own))));
    for (const { raw } of [own.table, own.codes, own.weight]) {
      structuredClone(raw.data.buffer, { transfer: [raw.data.buffer as ArrayBuffer] });
    }
    expect(answer(executable)).toBe(expected);
    expect(() => backend.compile(programOf(own))).toThrow(/detached/);
  });

  it('that a user has read before they are compiled are copied, so that he may go on writing to them', () => {
    const own = privateWeights(weightsOf(3, 32, 64));
    const data = [own.table, own.codes, own.weight].map(({ raw }) => raw.data);
    const executable = backend.compile(programOf(own));
    const expected = answer(executable);
    for (const array of data) array.fill(1);
    expect(answer(executable)).toBe(expected);
  });

  it('stay until the last run of a disposed program is done', async () => {
    const plain = weightsOf(4, 32, 64);
    const expected = answer(backend.compile(programOf(plain)));
    const start = (): Promise<Tensor[]>[] => {
      const executable = backend.compile(programOf(privateWeights(plain)));
      const runs = Array.from({ length: 20 }, () => executable.runAsync([ids]));
      executable.dispose();
      return runs;
    };
    const runs = start();
    collectGarbage();
    // What was freed too early would be written over.
    for (let i = 0; i < 50; i++) for (const bytes of [2048, 4096, 10240]) backend.allocate?.(bytes).fill(i);
    const results = await Promise.all(runs);
    expect(new Set(results.map(([y]) => bitsOf(y as Tensor)))).toEqual(new Set([expected]));
  });
});
