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
  const arena = new Arena();
  // Places by the last instruction that reads them.
  const dying = new Map<number, { start: number; bytes: number }[]>();
  let dead = -1;
  for (const [value, { from, to }] of [...lives].sort(([, a], [, b]) => a.from - b.from)) {
    for (; dead < from; dead++) for (const { start, bytes } of dying.get(dead) ?? []) arena.free(start, bytes);
    const bytes = alignedBytes(metas[value] as TensorMeta);
    const start = arena.take(bytes);
    offsets[value] = start;
    const others = dying.get(to);
    if (others === undefined) dying.set(to, [{ start, bytes }]);
    else others.push({ start, bytes });
  }
  roots.forEach((root, value) => {
    offsets[value] = offsets[root] as number;
  });
  return { metas, offsets, roots, arenaBytes: arena.bytes };
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

/** Memory with gaps, in order and none beside another: a graph of a hundred thousand values has few at a time. */
class Arena {
  /** The size that it has grown to. */
  bytes = 0;
  private readonly gaps = [{ start: 0, end: Number.POSITIVE_INFINITY }];

  /** The lowest offset where `bytes` fit. */
  take(bytes: number): number {
    const at = this.gaps.findIndex(({ start, end }) => end - start >= bytes);
    const gap = this.gaps[at] as { start: number; end: number };
    const { start } = gap;
    gap.start += bytes;
    if (gap.start === gap.end) this.gaps.splice(at, 1);
    this.bytes = Math.max(this.bytes, start + bytes);
    return start;
  }

  free(start: number, bytes: number): void {
    const { gaps } = this;
    const end = start + bytes;
    const at = gaps.findIndex((gap) => gap.start >= end);
    const [before, after] = [gaps[at - 1], gaps[at] as { start: number; end: number }];
    const joins = after.start === end;
    if (before?.end === start) {
      before.end = joins ? after.end : end;
      if (joins) gaps.splice(at, 1);
    } else if (joins) after.start = start;
    else gaps.splice(at, 0, { start, end });
  }
}
