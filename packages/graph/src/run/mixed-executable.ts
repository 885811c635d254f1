import {
  type Backend,
  checkInputs,
  dispatch,
  type Executable,
  type Instruction,
  inferShapes,
  OctavoError,
  type Operand,
  opByName,
  type Program,
  type RunOptions,
  Tensor,
  withBackend,
  withRecorder,
} from '@octavo/core';

/**
 * What runs a program on a backend that lacks kernels for some ops: those run one by one on the reference, and what lies
 * between them as programs of the backend. A program that the backend has all kernels for is its own.
 */
export function compileFor(backend: Backend, program: Program): Executable {
  const supported = ({ op }: Instruction): boolean => {
    const def = opByName(op);
    return def.alias === true || backend.kernel(def) !== undefined;
  };
  return program.instructions.every(supported)
    ? backend.compile(program)
    : new MixedExecutable(backend, program, supported);
}

/** Instructions that run one by one, then a part of the program for the backend. */
interface Phase {
  readonly singles: Instruction[];
  readonly part: Instruction[];
}

class MixedExecutable implements Executable {
  readonly referenceOps: readonly string[];
  private parts: (CompiledPart | null)[];
  private readonly phases: readonly Phase[];
  /** The phase after which nobody reads a value any more. */
  private readonly lastPhase: readonly number[];
  /** The computed values that nobody reads after each phase. */
  private readonly releases: readonly (readonly number[])[];
  private disposed = false;

  constructor(
    private readonly backend: Backend,
    private readonly program: Program,
    supported: (instruction: Instruction) => boolean,
  ) {
    this.phases = phasesOf(program, supported);
    this.referenceOps = [...new Set(this.phases.flatMap(({ singles }) => singles.map(({ op }) => op)))];
    this.parts = this.phases.map(() => null);
    this.lastPhase = lastPhases(program, this.phases);
    const releases: number[][] = this.phases.map(() => []);
    this.lastPhase.forEach((last, value) => {
      if (program.values[value]?.constant === undefined) releases[last]?.push(value);
    });
    this.releases = releases;
  }

  run(inputs: readonly Tensor[]): Tensor[] {
    const values = this.start(inputs);
    this.phases.forEach((phase, i) => {
      this.singles(phase, values);
      const part = this.part(i, values);
      if (part !== null) part.store(part.executable.run(part.operands(values)), values);
      this.release(i, values);
    });
    return this.outputs(values, inputs);
  }

  async runAsync(inputs: readonly Tensor[], options: RunOptions = {}): Promise<Tensor[]> {
    const values = this.start(inputs);
    for (const [i, phase] of this.phases.entries()) {
      if (options.signal?.aborted) {
        throw new OctavoError('ABORTED', '[run] aborted by its signal', { cause: options.signal.reason });
      }
      this.singles(phase, values);
      const part = this.part(i, values);
      if (part !== null) part.store(await part.executable.runAsync(part.operands(values), options), values);
      this.release(i, values);
    }
    return this.outputs(values, inputs);
  }

  dispose(): void {
    this.disposed = true;
    for (const part of this.parts) part?.executable.dispose();
    this.parts = [];
  }

  private start(inputs: readonly Tensor[]): (Operand | undefined)[] {
    if (this.disposed) throw new OctavoError('DISPOSED', '[run] this executable was disposed; compile it again');
    inferShapes(this.program, checkInputs(this.program, inputs));
    const values: (Operand | undefined)[] = this.program.values.map(({ constant }) => constant);
    this.program.inputs.forEach(({ value }, i) => {
      values[value] = inputs[i];
    });
    return values;
  }

  private singles({ singles }: Phase, values: (Operand | undefined)[]): void {
    for (const { op, inputs, outputs, attrs } of singles) {
      const operands = inputs.map((value) => (value < 0 ? null : (values[value] as Operand)));
      const results = withBackend(this.backend, () =>
        withRecorder(null, () => dispatch(opByName(op), operands, attrs)),
      );
      outputs.forEach((value, i) => {
        values[value] = results[i];
      });
    }
  }

  /** The backend's program of a phase; compiled when the dtypes of what it reads are seen. */
  private part(index: number, values: readonly (Operand | undefined)[]): CompiledPart | null {
    const { part } = this.phases[index] as Phase;
    if (part.length === 0) return null;
    const known = this.parts[index] ?? compilePart(this.backend, this.program, part, this.lastPhase, index, values);
    this.parts[index] = known;
    return known;
  }

  private release(phase: number, values: (Operand | undefined)[]): void {
    for (const value of this.releases[phase] as readonly number[]) values[value] = undefined;
  }

  /** None shares memory with an input, a constant or another output. */
  private outputs(values: readonly (Operand | undefined)[], inputs: readonly Tensor[]): Tensor[] {
    // A constant that nobody has seen is no output's memory.
    const constants = this.program.values.flatMap(({ constant }) =>
      Tensor.is(constant) && !constant.raw.unseen ? [constant] : [],
    );
    const taken = new Set<unknown>([...inputs, ...constants].map(({ raw }) => raw.data.buffer));
    return this.program.outputs.map(({ value }) => {
      const { type, raw } = values[value] as Tensor;
      const data = taken.has(raw.data.buffer) ? raw.data.slice() : raw.data;
      taken.add(data.buffer);
      return new Tensor(type, data as never, raw.dims);
    });
  }
}

interface CompiledPart {
  readonly executable: Executable;
  operands(values: readonly (Operand | undefined)[]): Tensor[];
  store(results: readonly Tensor[], values: (Operand | undefined)[]): void;
}

/**
 * Phase of each instruction: one that runs alone waits for the parts before it, one of a part runs in the phase that all
 * its operands are there in.
 */
function phasesOf(program: Program, supported: (instruction: Instruction) => boolean): Phase[] {
  const madeIn = new Map<number, { phase: number; part: boolean }>();
  const phases: Phase[] = [];
  for (const instruction of program.instructions) {
    const part = supported(instruction);
    let phase = 0;
    for (const value of instruction.inputs) {
      const made = madeIn.get(value);
      if (made !== undefined) phase = Math.max(phase, !part && made.part ? made.phase + 1 : made.phase);
    }
    while (phases.length <= phase) phases.push({ singles: [], part: [] });
    (phases[phase] as Phase)[part ? 'part' : 'singles'].push(instruction);
    for (const value of instruction.outputs) madeIn.set(value, { phase, part });
  }
  return phases;
}

function lastPhases(program: Program, phases: readonly Phase[]): number[] {
  const last = new Array<number>(program.values.length).fill(-1);
  phases.forEach(({ singles, part }, phase) => {
    for (const { inputs } of [...singles, ...part]) for (const value of inputs) if (value >= 0) last[value] = phase;
  });
  for (const { value } of program.outputs) last[value] = phases.length;
  return last;
}

function compilePart(
  backend: Backend,
  program: Program,
  part: readonly Instruction[],
  lastPhase: readonly number[],
  phase: number,
  values: readonly (Operand | undefined)[],
): CompiledPart {
  const made = new Set(part.flatMap(({ outputs }) => outputs));
  const read = [...new Set(part.flatMap(({ inputs }) => inputs))].filter((value) => value >= 0 && !made.has(value));
  const fed = read.filter((value) => program.values[value]?.constant === undefined);
  const kept = [...made].filter((value) => (lastPhase[value] as number) > phase);
  // Values are numbered anew: a part knows nothing of the others' weights.
  const used = [...read, ...made];
  const indexOf = new Map(used.map((value, i) => [value, i]));
  const renumbered = (value: number): number => indexOf.get(value) ?? -1;
  const executable = backend.compile({
    values: used.map((value) => program.values[value] as Program['values'][number]),
    instructions: part.map((instruction) => ({
      ...instruction,
      inputs: instruction.inputs.map(renumbered),
      outputs: instruction.outputs.map(renumbered),
    })),
    inputs: fed.map((value) => ({
      name: program.values[value]?.name ?? '',
      value: renumbered(value),
      dtype: (values[value] as Tensor).type,
    })),
    outputs: kept.map((value) => ({ name: program.values[value]?.name ?? '', value: renumbered(value) })),
  });
  return {
    executable,
    operands: (all) => fed.map((value) => all[value] as Tensor),
    store: (results, all) => {
      kept.forEach((value, i) => {
        all[value] = results[i];
      });
    },
  };
}
