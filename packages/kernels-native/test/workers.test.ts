import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';

const require = createRequire(import.meta.url);
const addon = (require('node-gyp-build') as { path(root: string): string }).path(resolve(import.meta.dirname, '..'));

/** Plain JavaScript over the addon itself, for threads and processes without a TypeScript loader: 100 tanhs in a row. */
const prelude = (threads: number, isa: string | null = null): string => `
  const { NativeBackend } = require(${JSON.stringify(addon)});
  const backend = new NativeBackend(${JSON.stringify(isa)}, ${threads});
  const steps = 100, size = 1 << 16;
  const instructions = [];
  for (let i = 0; i < steps; i++) instructions.push(10, 1, i, 1, i + 1, 0);
  const none = new Array(steps + 1).fill(null);
  const program = backend.createProgram(none, none, Float64Array.from(instructions), []);
  const plan = [(steps - 1) * size * 4, 1, 0, 1, steps];
  for (let i = 0; i <= steps; i++) {
    const held = [0, steps].indexOf(i);
    plan.push(held < 0 ? 1 : 2, 0, 0, 1, size, held < 0 ? (i - 1) * size * 4 : held);
  }
  const index = program.addPlan(Float64Array.from(plan));
  const x = Float32Array.from({ length: size }, (_, i) => (i - size / 2) / 1000);
  const digest = (outputs) => require('node:crypto').createHash('sha256').update(new Uint8Array(outputs[0].buffer ?? outputs[0])).digest('hex');
  const start = (done) => program.runAsync(index, [x], done);
`;
const PRELUDE = prelude(2);

describe('the addon in several threads and at exit', () => {
  it('computes the same in four workers at once, each with two executables', async () => {
    const code = (threads: number): string => `${prelude(threads)}
      const other = backend.createProgram(none, none, Float64Array.from(instructions), []);
      other.addPlan(Float64Array.from(plan));
      const answers = [];
      const done = (error, outputs) => {
        answers.push(error ? String(error) : digest(outputs));
        if (answers.length === 2) require('node:worker_threads').parentPort.postMessage(answers);
      };
      start(done);
      other.runAsync(0, [x], done);`;
    const answers = await Promise.all(
      [1, 2, 1, 2].map((threads) => {
        const worker = new Worker(code(threads), { eval: true });
        return new Promise<string[]>((resolve, reject) => worker.once('message', resolve).once('error', reject));
      }),
    );
    const alone = `${prelude(1, 'scalar')}
      const results = [new Float32Array(size)];
      program.run(index, [x], results);
      process.stdout.write(digest(results));`;
    const expected = spawnSync(process.execPath, ['-e', alone]).stdout.toString();
    expect(expected).toMatch(/^[0-9a-f]{64}$/);
    expect(answers).toEqual(answers.map(() => [expected, expected]));
  });

  it('lets a worker be terminated in the middle of its runs', async () => {
    const code = `${PRELUDE}
      for (let i = 0; i < 20; i++) start(() => {});
      require('node:worker_threads').parentPort.postMessage('started');`;
    const worker = new Worker(code, { eval: true });
    await new Promise((resolve) => worker.once('message', resolve));
    await expect(worker.terminate()).resolves.toBe(1);
  });

  it('lets the process exit while runs are queued', () => {
    const { status, signal, stderr } = spawnSync(process.execPath, [
      '-e',
      `${PRELUDE} for (let i = 0; i < 20; i++) start(() => {}); process.exit(7);`,
    ]);
    expect({ status, signal, stderr: stderr.toString() }).toEqual({ status: 7, signal: null, stderr: '' });
  });

  it('refuses plans and programs that would leave their memory', () => {
    const { NativeBackend } = require(addon) as { NativeBackend: new (isa: null, threads: number) => never };
    // biome-ignore lint/suspicious/noExplicitAny: the raw addon, called as no typed caller could.
    const backend = new NativeBackend(null, 1) as any;
    const two = [null, null];
    const program = backend.createProgram(two, two, Float64Array.from([13, 1, 0, 1, 1, 0]), []);
    const plan = (...numbers: number[]): unknown => program.addPlan(Float64Array.from(numbers));
    const slot = (size: number, offset: number): number[] => [1, 0, 0, 1, size, offset];
    const held = (size: number, index: number): number[] => [2, 0, 0, 1, size, index];
    expect(() => plan(128, 1, 0, 1, 1, ...held(16, 0), ...slot(33, 0))).toThrow(/does not fit the arena/);
    expect(() => plan(128, 1, 0, 1, 1, ...held(16, 0), ...slot(16, 64 * 3))).toThrow(/does not fit the arena/);
    expect(() => plan(128, 1, 0, 1, 1, ...held(16, 0), ...slot(16, 32))).toThrow(/multiples of 64/);
    expect(() => plan(128, 1, 0, 1, 1, ...held(16, 0), 0)).toThrow(/has no place/);
    expect(() => plan(128, 1, 0, 1, 1, ...slot(16, 0), ...held(16, 1))).toThrow(/input value 0 has no place/);
    expect(() => plan(128, 1, 0, 1, 1, ...held(16, 1), ...held(16, 1))).toThrow(/input value 0 has no place/);
    expect(() => plan(128, 1, 0, 1, 1, ...held(16, 0), ...held(16, 0))).toThrow(/writes value 1/);
    expect(() => plan(128, 1, 0, 1, 1, ...held(16, 0), ...held(16, 2))).toThrow(/not as large as the tensor/);
    expect(() => plan(128, 1, 0, 1, 0, ...held(16, 0), ...held(17, 1))).toThrow(/not as large as the tensor/);
    expect(() => plan(128, 1, 0, 1, 2, ...held(16, 0), ...held(16, 1))).toThrow(/where an integer/);
    expect(() => plan(128, 1, 0, 1, 1, ...held(16, 0))).toThrow(/ends too early/);
    expect(() => backend.createProgram(two, two, Float64Array.from([9999, 0, 0, 0]), [])).toThrow(/no op with opcode/);
    expect(() => backend.createProgram(two, two, Float64Array.from([13, 1, 5, 1, 1, 0]), [])).toThrow(
      /where an integer/,
    );
    const wrong = plan(0, 1, 0, 1, 1, ...held(16, 0), ...held(17, 1));
    const [x, y] = [[new Float32Array(16)], [new Float32Array(17)]];
    expect(() => program.run(wrong, x, y)).toThrow(/expected 16/);
    expect(() => program.run(wrong, [new Float32Array(15)], y)).toThrow(/input 0 does not hold the bytes/);
    expect(() => program.run(wrong, x, x)).toThrow(/output 0 does not hold the bytes/);
    expect(() => program.run(wrong, x)).toThrow(/expected 1 outputs/);
    expect(() => program.run(99, x, y)).toThrow(/no such plan/);
    expect(() => backend.packLinear(new Int8Array(5), 2, 3, new Float32Array(1), new Int32Array(1), null)).toThrow(
      /do not fit/,
    );
  });

  it('refuses calls of ops whose numbers and data do not fit each other', () => {
    const { NativeBackend } = require(addon) as { NativeBackend: new (isa: null, threads: number) => never };
    // biome-ignore lint/suspicious/noExplicitAny: the raw addon, called as no typed caller could.
    const backend = new NativeBackend(null, 1) as any;
    const run = (numbers: number[], ...data: unknown[]): void =>
      backend.runOp(Float64Array.from([13, ...numbers]), ...data);
    const [four, five] = [new Float32Array(4), new Float32Array(5)];
    const tensor = [1, 0, 1, 4];
    run([0, 1, 1, ...tensor, ...tensor], four, four);
    expect(() => run([0, 1, 1, ...tensor, ...tensor], five, four)).toThrow(/does not fit its dtype and dims/);
    expect(() => run([0, 1, 1, ...tensor, ...tensor], four)).toThrow(/2 arguments for 1 inputs and 1 outputs/);
    expect(() => run([0, 1e15, 1, ...tensor], four, four)).toThrow(/arguments for/);
    expect(() => run([0, 1, 1, ...tensor, 1, 0, 1], four, four)).toThrow(/a dimension must be/);
    expect(() => run([9, 1, 1], four, four)).toThrow(/attributes are fewer/);
    expect(() => run([], four, four)).toThrow(/attributes must be/);
    expect(() => run([0, 1, 1, 8, 0, 1, 4, ...tensor], four, four)).toThrow(/bad dtype/);
    expect(() => run([0, 1, 1, 1, 2, 1, 4, ...tensor], four, four)).toThrow(/bad dtype/);
    expect(() => run([0, 1, 1, 1, 0, 9, ...new Array(9).fill(1), ...tensor], four, four)).toThrow(/8 dimensions/);
    expect(() => run([0, 1, 1, 1, 0, 2, 2 ** 40, 2 ** 40, ...tensor], four, four)).toThrow(/too many elements/);
    expect(() => run([0, 1, 1, ...tensor, ...tensor], [1, 2, 3, 4], four)).toThrow(/bad dtype, dims or data/);
    expect(() => run([0, 1, 1, ...tensor, ...tensor], new DataView(four.buffer), four)).toThrow(
      /bad dtype, dims or data/,
    );
    expect(() => run([0, 1, 1, 0, ...tensor], four, four)).toThrow(/packed weights/);
    expect(() => run([0, 1, 1, 0, ...tensor], null, four)).toThrow(/x must be a tensor/);
  });

  it('refuses orders of memory that an op does not know', () => {
    const { NativeBackend } = require(addon) as { NativeBackend: new (isa: null, threads: number) => never };
    // biome-ignore lint/suspicious/noExplicitAny: the raw addon, called as no typed caller could.
    const backend = new NativeBackend(null, 1) as any;
    const operand = (dims: number[], channelsLast: number): number[] => [1, channelsLast, dims.length, ...dims];
    const run = (opcode: number, x: number[], y: number[], ...attrs: number[]): void => {
      const numbers = Float64Array.from([opcode, attrs.length, ...attrs, 1, 1, ...x, ...y]);
      backend.runOp(numbers, new Float32Array(24), new Float32Array(24));
    };
    const [first, last] = [operand([1, 2, 3, 4], 0), operand([1, 2, 3, 4], 1)];
    run(13, last, last);
    expect(() => run(13, last, first)).toThrow(/orders of memory/);
    expect(() => run(6, last, last, -1)).toThrow(/orders of memory/);
    expect(() => run(13, operand([6, 4], 1), operand([6, 4], 1))).toThrow(/without a rank of 3 to 5/);
    const constant = [0, [6, 4], new Float32Array(24), 1];
    expect(() => backend.createProgram([constant], [null], new Float64Array(0), [])).toThrow(/must say whether/);
    const program = backend.createProgram([null, null], [null, null], Float64Array.from([13, 1, 0, 1, 1, 0]), []);
    expect(() => program.addPlan(Float64Array.from([128, 1, 0, 1, 1, 1, 0, 1, 1, 16, 0]))).toThrow(/without a rank/);
  });
});
