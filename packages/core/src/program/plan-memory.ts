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
  /** Byte offset into the arena of each value that lives there; -1 for all others. */
  readonly offsets: readonly number[];
  /**
   * Index of the tensor whose memory holds a value: inputs, then outputs, which lie where the caller has them; -1 for
   * all others. An output that is an input or a constant, or an output already, is a copy: it has no value of its own.
   */
  readonly held: readonly number[];
  /** The value whose memory a value shares (itself, unless an alias op made it). */
  readonly roots: readonly number[];
  readonly arenaBytes: number;
}

/** Arena slots start on cache lines, so that vector loads never straddle two. */
const ALIGNMENT = 64;

/**
 * Gives every temporary a place in one arena. Two values share bytes only when their lives do not overlap. Inputs are
 * read and outputs written where the caller has them.
 */
export function planMemory(program: Program, inputDims: readonly Dims[]): MemoryPlan {
  const metas = inferShapes(program, inputDims);
  const roots = aliasRoots(program);
  const holders = callersTensors(program, roots);
  const lives = lifetimes(program, roots, holders);
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
  const held = roots.map((root) => holders.get(root) ?? -1);
  return { metas, offsets, held, roots, arenaBytes: arena.bytes };
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

/** The tensors of the caller that hold values, by root: their indices among inputs, then outputs. */
function callersTensors({ values, inputs, outputs }: Program, roots: readonly number[]): Map<number, number> {
  const holders = new Map<number, number>();
  [...inputs, ...outputs].forEach(({ value }, i) => {
    const root = roots[value] as number;
    if (values[root]?.constant === undefined && !holders.has(root)) holders.set(root, i);
  });
  return holders;
}

/** Of the values that belong into the arena: constants and what the caller holds lie elsewhere. */
function lifetimes(
  program: Program,
  roots: readonly number[],
  holders: ReadonlyMap<number, number>,
): Map<number, Life> {
  const lives = new Map<number, Life>();
  const touch = (value: number, at: number): void => {
    const root = roots[value] as number;
    if (program.values[root]?.constant !== undefined || holders.has(root)) return;
    const life = lives.get(root);
    if (life === undefined) lives.set(root, { from: at, to: at });
    else life.to = Math.max(life.to, at);
  };
  program.instructions.forEach(({ inputs, outputs }, at) => {
    for (const value of outputs) touch(value, at);
    for (const value of inputs) if (value >= 0) touch(value, at);
  });
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
