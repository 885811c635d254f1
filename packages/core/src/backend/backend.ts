import type { Attrs, OpDef, Operand, TensorMeta } from '../ops/op-def.js';
import type { Program } from '../program/program.js';
import type { Tensor } from '../tensor/tensor.js';

/** Bumped when this interface, the op table's encoding or the dtype codes change in an incompatible way. */
export const BACKEND_ABI = 2;

/**
 * One op of one backend, for eager calls. The op's shape rule has checked the inputs and made `outputs`, and `checkAttrs`
 * has checked the attributes.
 */
export type Kernel = (inputs: readonly (Operand | null)[], attrs: Attrs, outputs: readonly TensorMeta[]) => Tensor[];

/** What a backend knows of the machine under it, for `doctor`. */
export interface MachineFacts {
  /** Extensions that the CPU has of those that kernels use or could use: 'avx2', 'dotprod'. */
  readonly cpuFeatures: readonly string[];
  /** Which kernel an op spends its time in. */
  kernelName(op: OpDef): string;
  /** Measures what `DoctorReport.peak` says. */
  measurePeak(): PeakRates;
}

/** 10^9 multiply-adds a second that the matrix products of a backend reach, on one thread with operands in caches. */
export interface PeakRates {
  readonly float32: number;
  readonly int8: number;
}

/** Where ops run: the TypeScript reference, or native kernels. */
export interface Backend {
  /** 'reference' or 'native'. */
  readonly name: string;
  /** 'ts', or the instruction set that was chosen: 'scalar', 'avx2', 'amx', 'neondot'. */
  readonly isa: string;
  /** Why each better instruction set that the backend has kernels for cannot run here; left out where it has none. */
  readonly missingIsas?: Readonly<Record<string, string>>;
  /** Threads that one call may use. Results do not depend on it. */
  readonly threads: number;
  /** The kernel of an op, or undefined where this backend has none. */
  kernel(op: OpDef): Kernel | undefined;
  /** Absent where nothing is known, as on the reference. */
  readonly machine?: MachineFacts;
  /**
   * Memory for a large tensor, in an ArrayBuffer of its own, not cleared and aligned as kernels want it. Absent where any
   * memory does.
   */
  allocate?(bytes: number): Uint8Array;
  /** Packs a program's constants and returns what runs it; ops without a kernel run on their reference. */
  compile(program: Program): Executable;
}

export interface RunOptions {
  /** Stops the run between two instructions; the promise rejects with an `ABORTED` error. */
  signal?: AbortSignal;
}

/** A compiled program. One executable may have several runs in flight. */
export interface Executable {
  /** Ops of the program that run on the reference because the backend has no kernel for them: slow, with the same bits. */
  readonly referenceOps: readonly string[];
  /** Outputs in the program's order, each a fresh tensor. */
  run(inputs: readonly Tensor[]): Tensor[];
  /** The same bits, computed off the event loop where the backend can. */
  runAsync(inputs: readonly Tensor[], options?: RunOptions): Promise<Tensor[]>;
  /** Frees native memory now; any later run is a `DISPOSED` error. */
  dispose(): void;
}
