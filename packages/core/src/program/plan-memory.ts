import type { OperandMeta, TensorMeta } from '../ops/op-def.js';
import { opByName } from '../ops/op-table.js';
import { DTYPES } from '../tensor/dtype.js';
import { type Dims, sizeOf } from '../tensor/shape.js';
import { inferShapes } from './infer-shapes.js';
import type { Program } from './program.js';

/** A program specialised to one set of input dims. */
export interface MemoryPlan {
  /** Dtype and dims of each value. */
  readonly metas: readonly (OperandMeta | undefined)[];
  /** Byte offset into the arena of each value that lives there; -1 for constants. */
  readonly offsets: readonly number[];
  /** The value whose memory a value shares (itself, unless an alias op made it). */
  readonly roots: readonly number[];
  readonly arenaBytes: number;
}

/** Arena slots start on cache lines, so that vector loads never straddle two. */
const ALIGNMENT = 64;

/**
 * Gives every input and temporary a place in one arena. Two values share bytes only when their lives do not
 * overlap; inputs and outputs live from the first instruction to the last.
 */
export function planMemory(program: Program, inputDims: readonly Dims[]): MemoryPlan {
  const metas = inferShapes(program, inputDims);
  const roots = aliasRoots(program);
  const lives = lifetimes(program, roots);
  const offsets = new Array<number>(program.values.length).fill(-1);
  const placed: { start: number; end: number; from: number; to: number }[] = [];
  let arenaBytes = 0;
  for (const value of [...lives.keys()].sort((a, b) => (lives.get(a) as Life).from - (lives.get(b) as Life).from)) {
    const { from, to } = lives.get(value) as Life;
    const bytes = alignedBytes(metas[value] as TensorMeta);
    const start = firstFit(
      placed.filter((other) => other.from <= to && from <= other.to),
      bytes,
    );
    placed.push({ start, end: start + bytes, from, to });
    offsets[value] = start;
    arenaBytes = Math.max(arenaBytes, start + bytes);
  }
  roots.forEach((root, value) => {
    offsets[value] = offsets[root] as number;
  });
  return { metas, offsets, roots, arenaBytes };
}

interface Life {
  from: number;
  to: number;
}

function aliasRoots(program: Program): number[] {
  const roots = program.values.map((_, i) => i);
  for (const { op, inputs, outputs } of program.instructions) {
    if (opByName(op).alias) roots[outputs[0] as number] = roots[inputs[0] as number] as number;
  }
  return roots;
}

function lifetimes(program: Program, roots: readonly number[]): Map<number, Life> {
  const lives = new Map<number, Life>();
  const touch = (value: number, at: number): void => {
    const root = roots[value] as number;
    if (program.values[root]?.constant !== undefined) return;
    const life = lives.get(root);
    if (life === undefined) lives.set(root, { from: at, to: at });
    else life.to = Math.max(life.to, at);
  };
  const end = program.instructions.length;
  for (const input of program.inputs) touch(input.value, -1);
  program.instructions.forEach(({ inputs, outputs }, at) => {
    for (const value of outputs) touch(value, at);
    for (const value of inputs) if (value >= 0) touch(value, at);
  });
  for (const output of program.outputs) touch(output.value, end);
  return lives;
}

function alignedBytes(meta: TensorMeta): number {
  const bytes = sizeOf(meta.dims) * DTYPES[meta.dtype].bytes;
  return Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
}

/** The lowest offset where `bytes` fit between neighbours that are alive at the same time. */
function firstFit(neighbours: readonly { start: number; end: number }[], bytes: number): number {
  let offset = 0;
  for (const { start, end } of [...neighbours].sort((a, b) => a.start - b.start)) {
    if (start - offset >= bytes) break;
    offset = Math.max(offset, end);
  }
  return offset;
}
