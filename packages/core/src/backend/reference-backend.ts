import { OctavoError } from '../errors.js';
import { checkAttrs } from '../ops/check-attrs.js';
import type { OpDef, Operand, TensorMeta } from '../ops/op-def.js';
import { opByName } from '../ops/op-table.js';
import { checkInputs, inferShapes } from '../program/infer-shapes.js';
import type { Program } from '../program/program.js';
import { Tensor } from '../tensor/tensor.js';
import type { Backend, Executable, Kernel, RunOptions } from './backend.js';

/** The reference: every op by its definition in TypeScript. Slow and exact; it runs wherever JavaScript does. */
export const referenceBackend: Backend = {
  name: 'reference',
  isa: 'ts',
  threads: 1,
  kernel: referenceKernel,
  compile: (program) => new Interpreter(program, referenceKernel),
};

function referenceKernel(op: OpDef): Kernel {
  return (inputs, attrs) => op.reference(inputs, attrs);
}

/**
 * Runs a program instruction by instruction, each op by the kernel that `kernelOf` names, or by its reference where that
 * has none. With references alone it is the yardstick for every native executable; with a backend's kernels it runs the
 * programs that the backend cannot run whole.
 */
export class Interpreter implements Executable {
  readonly referenceOps: readonly string[];
  private program: Program | null;
  private readonly kernels = new Map<string, Kernel>();

  constructor(program: Program, kernelOf: (op: OpDef) => Kernel | undefined) {
    this.program = program;
    const without = new Set<string>();
    for (const { op: name, attrs } of program.instructions) {
      const op = opByName(name);
      checkAttrs(op, attrs);
      const kernel = kernelOf(op);
      if (kernel === undefined && !op.alias) without.add(name);
      this.kernels.set(name, kernel ?? referenceKernel(op));
    }
    this.referenceOps = [...without];
  }

  run(inputs: readonly Tensor[]): Tensor[] {
    const steps = this.steps(inputs);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
    }
  }

  /** JavaScript has one thread here: the event loop gets its turn between any two instructions. */
  async runAsync(inputs: readonly Tensor[], { signal }: RunOptions = {}): Promise<Tensor[]> {
    const steps = this.steps(inputs);
    for (;;) {
      if (signal?.aborted) throw new OctavoError('ABORTED', '[run] aborted by its signal', { cause: signal.reason });
      const step = steps.next();
      if (step.done) return step.value;
      await new Promise<void>(nextTurn);
    }
  }

  dispose(): void {
    this.program = null;
  }

  private *steps(inputs: readonly Tensor[]): Generator<void, Tensor[]> {
    const program = this.program;
    if (program === null) throw new OctavoError('DISPOSED', '[run] this executable was disposed; compile it again');
    const metas = inferShapes(program, checkInputs(program, inputs));
    const values: (Operand | undefined)[] = program.values.map(({ constant }) => constant);
    program.inputs.forEach((input, i) => {
      values[input.value] = inputs[i];
    });
    const lastUse = lastUses(program);
    for (const [at, { op, inputs: from, outputs: to, attrs }] of program.instructions.entries()) {
      const operands = from.map((v) => (v < 0 ? null : (values[v] as Operand)));
      const outputs = to.map((v) => metas[v] as TensorMeta);
      const results = (this.kernels.get(op) as Kernel)(operands, attrs, outputs);
      to.forEach((v, i) => {
        values[v] = results[i];
      });
      for (const v of from) if (v >= 0 && lastUse[v] === at) values[v] = undefined;
      yield;
    }
    return freshOutputs(
      program.outputs.map((output) => values[output.value] as Tensor),
      [
        ...inputs,
        ...program.values.flatMap(({ constant }) => (Tensor.is(constant) && !constant.raw.unseen ? [constant] : [])),
      ],
    );
  }
}

/** Calls back in the event loop's next turn. A timer, which is all that browsers have, waits for a millisecond or four. */
const nextTurn: (callback: () => void) => unknown =
  typeof setImmediate === 'function' ? setImmediate : (callback) => setTimeout(callback, 0);

/** Outputs that share no memory with inputs, constants or each other: alias ops hand on the array they were given. */
function freshOutputs(outputs: readonly Tensor[], others: readonly Tensor[]): Tensor[] {
  const taken = new Set<unknown>(others.map(({ raw }) => raw.data));
  return outputs.map((tensor) => {
    const { type, raw } = tensor;
    if (!taken.has(raw.data)) {
      taken.add(raw.data);
      return tensor;
    }
    return new Tensor(type, raw.data.slice(), raw.dims);
  });
}

/** The index of the last instruction that reads each value; outputs are never let go. */
function lastUses(program: Program): number[] {
  const last = new Array<number>(program.values.length).fill(-1);
  program.instructions.forEach(({ inputs }, at) => {
    for (const v of inputs) if (v >= 0) last[v] = at;
  });
  for (const output of program.outputs) last[output.value] = -1;
  return last;
}
