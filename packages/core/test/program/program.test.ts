import '../reference-only.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference-backend.js';
import * as F from '../../src/functional.js';
import type { TensorMeta } from '../../src/ops/op-def.js';
import { checkInputs, inferShapes } from '../../src/program/infer-shapes.js';
import { planMemory } from '../../src/program/plan-memory.js';
import type { Instruction, Program } from '../../src/program/program.js';
import { DTYPES } from '../../src/tensor/dtype.js';
import type { LinearPackedParams } from '../../src/tensor/linear-packed-params.js';
import { sizeOf } from '../../src/tensor/shape.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { expectSameBits } from '../golden.js';
import { randomTensor } from '../random-tensor.js';
import { exampleProgram } from './example-program.js';

const program = exampleProgram();
const [weight, bias, packed] = [1, 2, 3].map((i) => program.values[i]?.constant) as [
  Tensor,
  Tensor,
  LinearPackedParams,
];
const eagerly = (x: Tensor): Tensor =>
  F.linearDynamic(F.reshape(F.gelu(F.linear(x, weight, bias)), [0, 1, -1]), packed);

describe('the interpreter', () => {
  it('gives the bits of the same ops called eagerly, at any batch', async () => {
    const executable = referenceBackend.compile(program);
    for (const batch of [1, 3]) {
      const x = randomTensor([batch, 4], batch);
      const [y] = executable.run([x]);
      expectSameBits(`${batch}`, y as Tensor, eagerly(x));
      const [later] = await executable.runAsync([x]);
      expectSameBits(`async ${batch}`, later as Tensor, eagerly(x));
    }
  });

  it('refuses inputs that do not fit', () => {
    const executable = referenceBackend.compile(program);
    expect(() => executable.run([])).toThrow('[run] expected 1 inputs (x), got 0');
    expect(() => executable.run([Tensor.zeros([1, 4], 'int8')])).toThrow(
      "input 'x' expects float32, got int8; convert it first",
    );
    expect(() => executable.run([Tensor.zeros([1, 5])])).toThrow('[aten::linear] expected x [..., in]');
  });

  it('keeps to a shape that the trace fixed', () => {
    const fixed: Program = { ...program, inputs: [{ name: 'x', value: 0, dtype: 'float32', fixedDims: [2, 4] }] };
    const executable = referenceBackend.compile(fixed);
    expect(executable.run([Tensor.zeros([2, 4])])).toHaveLength(1);
    expect(() => executable.run([Tensor.zeros([3, 4])])).toThrow(
      expect.objectContaining({
        code: 'SHAPE_FIXED_BY_TRACE',
        message: expect.stringContaining("input 'x' must be [2, 4], got [3, 4]"),
      }),
    );
    expect(checkInputs(fixed, [Tensor.zeros([2, 4])])).toEqual([[2, 4]]);
  });

  it('stops on its signal, and runs no more once disposed', async () => {
    const executable = referenceBackend.compile(program);
    const controller = new AbortController();
    const run = executable.runAsync([Tensor.zeros([1, 4])], { signal: controller.signal });
    controller.abort();
    await expect(run).rejects.toThrow(expect.objectContaining({ code: 'ABORTED' }) as Error);
    executable.dispose();
    expect(() => executable.run([Tensor.zeros([1, 4])])).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
    await expect(executable.runAsync([Tensor.zeros([1, 4])])).rejects.toThrow('was disposed');
  });

  it('gives outputs of their own, even where ops only hand memory on', () => {
    const constant = Tensor.from([[5, 6]]);
    const shared: Program = {
      values: [{ name: 'x' }, { name: 'view' }, { name: 'c', constant }, { name: 'relu' }],
      instructions: [
        { op: 'aten::reshape', inputs: [0], outputs: [1], attrs: { dims: [-1] } },
        { op: 'aten::relu', inputs: [1], outputs: [3], attrs: {} },
      ],
      inputs: [{ name: 'x', value: 0, dtype: 'float32' }],
      outputs: [0, 1, 2, 3, 3].map((value, i) => ({ name: `y${i}`, value })),
    };
    const x = Tensor.from([[1, 2]]);
    const outputs = referenceBackend.compile(shared).run([x]);
    const buffers = new Set([x, constant, ...outputs].map(({ raw }) => raw.data));
    expect(buffers.size).toBe(7);
    expect(outputs.map((y) => y.toArray())).toEqual([[[1, 2]], [1, 2], [[5, 6]], [1, 2], [1, 2]]);
  });

  it('two runs in flight do not disturb each other', async () => {
    const executable = referenceBackend.compile(program);
    const inputs = [1, 2, 3].map((seed) => randomTensor([2, 4], seed));
    const outputs = await Promise.all(inputs.map((x) => executable.runAsync([x])));
    outputs.forEach(([y], i) => {
      expectSameBits(`${i}`, y as Tensor, eagerly(inputs[i] as Tensor));
    });
  });
});

describe('inferShapes', () => {
  it('knows every value of a program before it runs', () => {
    const metas = inferShapes(program, [[3, 4]]);
    expect(metas[3]).toBe(packed);
    expect(metas.slice(4)).toEqual([
      { dtype: 'float32', dims: [3, 6] },
      { dtype: 'float32', dims: [3, 6] },
      { dtype: 'float32', dims: [3, 1, 6] },
      { dtype: 'uint8', dims: [3, 1, 6] },
      { dtype: 'float32', dims: [3] },
      { dtype: 'int32', dims: [3] },
      { dtype: 'float32', dims: [3, 1, 2] },
    ]);
  });

  it('names an op that is unknown', () => {
    const broken = { ...program, instructions: [{ ...(program.instructions[0] as Instruction), op: 'aten::liner' }] };
    expect(() => inferShapes(broken, [[1, 4]])).toThrow("unknown op 'aten::liner'; did you mean 'aten::linear'?");
  });
});

/** Programs of unary, binary and alias ops over one input, each value made once and used by what follows. */
const anyProgram = fc
  .array(fc.record({ kind: fc.constantFrom('relu', 'add', 'reshape', 'cat'), a: fc.nat(), b: fc.nat() }), {
    minLength: 1,
    maxLength: 25,
  })
  .chain((steps) =>
    fc.record({ steps: fc.constant(steps), outputs: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }) }),
  )
  .map(({ steps, outputs }): Program => {
    const instructions = steps.map(({ kind, a, b }, i): Instruction => {
      const x = a % (i + 1);
      if (kind === 'add') return { op: 'aten::add', inputs: [x, x], outputs: [i + 1], attrs: {} };
      if (kind === 'reshape') return { op: 'aten::reshape', inputs: [x], outputs: [i + 1], attrs: { dims: [-1] } };
      if (kind === 'cat')
        return { op: 'aten::slice', inputs: [x], outputs: [i + 1], attrs: { dim: 0, start: b % 3, end: 100, step: 1 } };
      return { op: 'aten::relu', inputs: [x], outputs: [i + 1], attrs: {} };
    });
    return {
      values: Array.from({ length: steps.length + 1 }, (_, i) => ({ name: `%${i}` })),
      instructions,
      inputs: [{ name: 'x', value: 0, dtype: 'float32' }],
      outputs: outputs.map((value, i) => ({ name: `y${i}`, value: value % (steps.length + 1) })),
    };
  });

describe('planMemory', () => {
  it('puts the temporaries of the example into a small arena', () => {
    const plan = planMemory(program, [[3, 4]]);
    expect(plan.roots.slice(4)).toEqual([4, 5, 5, 7, 8, 9, 10]);
    expect(plan.offsets[6]).toBe(plan.offsets[5]);
    // The input and the output lie where the caller has them.
    expect(plan.held).toEqual([0, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1]);
    expect([plan.offsets[1], plan.offsets[2], plan.offsets[3]]).toEqual([-1, -1, -1]);
    expect(plan.offsets.every((offset) => offset === -1 || offset % 64 === 0)).toBe(true);
    expect(plan.arenaBytes).toBeLessThanOrEqual(64 * 5);
  });

  it('never gives bytes of one live value to another', () => {
    fc.assert(
      fc.property(anyProgram, fc.nat(40), (any, size) => {
        const plan = planMemory(any, [[size]]);
        const last = any.values.map(() => -2);
        const root = (value: number): number => plan.roots[value] as number;
        any.instructions.forEach(({ inputs }, at) => {
          for (const value of inputs) last[root(value)] = at;
        });
        for (const { value } of any.outputs) last[root(value)] = any.instructions.length;
        // Run it: each instruction writes its bytes; what was written must be intact whenever it is read.
        const owner = new Map<number, number>();
        const bytesOf = (value: number): [number, number] => {
          const meta = plan.metas[value] as TensorMeta;
          const start = plan.offsets[root(value)] as number;
          return [start, start + sizeOf(meta.dims) * DTYPES[meta.dtype].bytes];
        };
        const held = (value: number): boolean => (plan.held[value] as number) >= 0;
        const write = (value: number): void => {
          if (held(value)) return;
          const [start, end] = bytesOf(value);
          expect(end).toBeLessThanOrEqual(plan.arenaBytes);
          for (let byte = start; byte < end; byte++) owner.set(byte, root(value));
        };
        const intact = (value: number): boolean => {
          if (held(value)) return plan.offsets[value] === -1;
          const [start, end] = bytesOf(value);
          for (let byte = start; byte < end; byte++) if (owner.get(byte) !== root(value)) return false;
          return true;
        };
        write(0);
        for (const { op, inputs, outputs } of any.instructions) {
          const [out] = outputs as [number];
          if (op !== 'aten::reshape') write(out);
          if (!inputs.every(intact)) return false; // Written after its inputs were placed: overlap would show here.
        }
        return any.outputs.every(({ value }) => intact(value));
      }),
      { numRuns: 300 },
    );
  });

  it('gives the interpreter and the plan the same shapes', () => {
    fc.assert(
      fc.property(anyProgram, fc.nat(20), (any, size) => {
        const x = new Tensor(
          'float32',
          Float32Array.from({ length: size }, (_, i) => i - 5),
          [size],
        );
        const plan = planMemory(any, [[size]]);
        const outputs = referenceBackend.compile(any).run([x]);
        return outputs.every((y, i) => {
          const meta = plan.metas[any.outputs[i]?.value as number] as TensorMeta;
          return y.raw.dims.join() === meta.dims.join();
        });
      }),
      { numRuns: 50 },
    );
  });
});
