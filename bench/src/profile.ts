import { type Instruction, inferShapes, opByName, type Program, Tensor, type TensorMeta } from '@octavo/core';
import { type Graph, lower, quantizeDynamic } from '@octavo/graph';
import { perRowDynamicQConfig } from '@octavo/observers';
import type { Bench } from './bench.js';
import { bertInputs, mrpcSmall, traceBert } from './models/bert.js';
import { time } from './print/units.js';

// Where the time of a program goes. Native code has no clock between instructions, so each is timed by itself: in a
// program that repeats it. Operands are then warmer than in the model, and the sum is below the whole.

const SHAPE = [8, 128] as const;
const REPEATS = 9;
const TRIALS = 15;

/** Prints the ops of mrpc-small 8x128, float and int8, by the time they take. */
export async function printProfile(bench: Bench): Promise<void> {
  const bert = await mrpcSmall();
  const float = traceBert(bert);
  const inputs = Object.values(bertInputs(bert.config, SHAPE));
  for (const [name, graph] of [
    ['float', float],
    ['int8 perRow', quantizeDynamic(float, { '': perRowDynamicQConfig })],
  ] as const) {
    profile(`mrpc-small 8x128 ${name}`, graph, inputs, bench);
  }
}

interface Entry {
  count: number;
  ms: number;
}

function profile(title: string, graph: Graph, inputs: readonly Tensor[], bench: Bench): void {
  const { program } = lower(graph);
  const metas = inferShapes(
    program,
    inputs.map(({ raw }) => raw.dims),
  );
  const entries = new Map<string, Entry>();
  const known = new Map<string, number>();
  for (const instruction of program.instructions) {
    if (opByName(instruction.op).alias) continue;
    const shapes = instruction.inputs.map((value) => describe(program, metas[value] as TensorMeta, value));
    const key = `${instruction.op}${'activation' in instruction.attrs ? `:${instruction.attrs.activation}` : ''} ${shapes.join(' ')}`;
    const ms = known.get(key) ?? timeInstruction(program, instruction, metas as TensorMeta[], bench);
    known.set(key, ms);
    const entry = entries.get(key) ?? { count: 0, ms: 0 };
    entries.set(key, { count: entry.count + 1, ms: entry.ms + ms });
  }
  const executable = bench.backend(1).compile(program);
  const whole = best(() => executable.run(inputs));
  executable.dispose();
  const sum = [...entries.values()].reduce((total, { ms }) => total + ms, 0);
  console.log(`${title}: ${time(whole)}, sum of the ops ${time(sum)}`);
  for (const [key, { count, ms }] of [...entries].sort(([, a], [, b]) => b.ms - a.ms)) {
    console.log(
      `${time(ms).padStart(10)}  ${((100 * ms) / sum).toFixed(1).padStart(5)} %  ${String(count).padStart(3)} of ${key}`,
    );
  }
  console.log();
}

function describe(program: Program, meta: TensorMeta, value: number): string {
  if (value < 0) return '-';
  return program.values[value]?.constant !== undefined && !('dims' in meta) ? 'packed' : `[${meta.dims.join(',')}]`;
}

/** The time of one more of the instruction in a program that has it already. */
function timeInstruction(
  program: Program,
  instruction: Instruction,
  metas: readonly TensorMeta[],
  bench: Bench,
): number {
  const run = (repeats: number): number => {
    const used = [...new Set(instruction.inputs.filter((value) => value >= 0))];
    const index = new Map(used.map((value, i) => [value, i]));
    const fed = used.filter((value) => program.values[value]?.constant === undefined);
    const outputs = instruction.outputs.length;
    const instructions = Array.from({ length: repeats }, (_, i) => ({
      ...instruction,
      inputs: instruction.inputs.map((value) => index.get(value) ?? -1),
      outputs: instruction.outputs.map((_, o) => used.length + i * outputs + o),
    }));
    const executable = bench.backend(1).compile({
      values: [
        ...used.map((value) => program.values[value] as Program['values'][number]),
        ...instructions.flatMap(({ outputs: made }) => made.map((value) => ({ name: `%${value}` }))),
      ],
      instructions,
      inputs: fed.map((value) => ({
        name: `%${value}`,
        value: index.get(value) as number,
        dtype: (metas[value] as TensorMeta).dtype,
      })),
      outputs: [{ name: 'y', value: used.length + (repeats - 1) * outputs }],
    });
    const inputs = fed.map((value) => sample(metas[value] as TensorMeta));
    const ms = best(() => executable.run(inputs));
    executable.dispose();
    return ms;
  };
  return (run(REPEATS) - run(1)) / (REPEATS - 1);
}

/** The least of several trials: what a quiet machine takes. */
function best(work: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let trial = 0; trial < TRIALS; trial++) {
    const start = performance.now();
    work();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** A tensor of plausible values: floats in [-2, 2), scales of 0.02, zeros and ones for ids. */
function sample({ dtype, dims }: TensorMeta): Tensor {
  const tensor = Tensor.zeros(dims, dtype);
  const { data } = tensor.raw;
  for (let i = 0; i < data.length; i++) {
    if (dtype === 'float32') data[i] = dims.length === 1 ? 0.02 : ((i * 7919) % 4001) / 1000 - 2;
    else if (dtype === 'int64') (data as BigInt64Array)[i] = BigInt(i % 2);
    else data[i] = (i * 37) % 200;
  }
  return tensor;
}
