import { availableParallelism } from 'node:os';
import {
  type Backend,
  didYouMean,
  type Executable,
  Interpreter,
  type Kernel,
  OctavoError,
  type OpDef,
  type Program,
} from '@octavo/core';
import { allocate } from './allocate.js';
import { CallNumbers } from './call-numbers.js';
import { callNative } from './errors.js';
import { NativeExecutable } from './executable.js';
import { makeKernel } from './kernel.js';
import { kernelName } from './kernel-name.js';
import { loadAddon } from './load.js';
import { PackedWeights } from './operands.js';

export interface NativeBackendOptions {
  /** The best instruction set to use, of those that README.md lists. Default: OCTAVO_ISA, else the CPU's best. */
  isa?: string;
  /** Threads of one call, this one included. Default: OCTAVO_THREADS, else the cores. Results do not depend on it. */
  threads?: number;
}

/** What `createNativeBackend` makes: core's Backend and the names of the kernels that it chose. */
export interface NativeBackend extends Backend {
  readonly kernelNames: { readonly gemmF32: string; readonly gemmU8S8: string };
}

/** A backend over the native kernels. Several may live side by side, for instance one for each instruction set. */
export function createNativeBackend(options: NativeBackendOptions = {}): NativeBackend {
  const addon = loadAddon();
  const { opcodes, knownIsas, missing, cpuFeatures } = addon.describe();
  const isa = options.isa ?? (process.env.OCTAVO_ISA || null);
  if (isa !== null && !knownIsas.includes(isa)) {
    const source = options.isa === undefined ? 'OCTAVO_ISA' : 'isa';
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `${source}: unknown instruction set '${isa}'${didYouMean(isa, knownIsas) || ';'} known: ${knownIsas.join(', ')}`,
    );
  }
  const native = callNative(() => new addon.NativeBackend(isa, options.threads ?? threadsFromEnvironment()));
  const packed = new PackedWeights(native);

  const numbers = new CallNumbers();
  const kernels = new Map<OpDef, Kernel | null>();
  const kernel = (op: OpDef): Kernel | undefined => {
    let known = kernels.get(op);
    if (known === undefined) {
      // Alias ops only put other dims on the same memory, which needs no native call.
      known = op.alias || opcodes[op.name] !== op.opcode ? null : makeKernel(native, packed, numbers, op);
      kernels.set(op, known);
    }
    return known ?? undefined;
  };

  // A program runs in one native call, or op by op where an op lacks a kernel: the same bits either way.
  const compile = (program: Program): Executable => {
    const interpreter = new Interpreter(program, kernel);
    if (interpreter.referenceOps.length === 0) return new NativeExecutable(native, packed, program);
    warnOfReferenceOps(interpreter.referenceOps);
    return interpreter;
  };

  return {
    name: 'native',
    isa: native.isa,
    missingIsas: Object.fromEntries(
      knownIsas
        .slice(knownIsas.indexOf(native.isa) + 1)
        .flatMap((name) => (missing[name] ? [[name, missing[name]]] : [])),
    ),
    threads: native.threads,
    kernelNames: native.kernelNames,
    kernel,
    allocate: (bytes) => allocate(native, bytes),
    compile,
    machine: {
      cpuFeatures,
      kernelName: (op) => kernelName(op.name, native),
      measurePeak: () => callNative(() => native.measurePeak()),
    },
  };
}

/** Op names that a warning has named: each is worth one. */
const warned = new Set<string>();

function warnOfReferenceOps(ops: readonly string[]): void {
  const fresh = ops.filter((op) => !warned.has(op));
  if (fresh.length === 0) return;
  for (const op of fresh) warned.add(op);
  process.emitWarning(
    `no native kernel for ${fresh.join(', ')}: a program that has them runs op by op, and these on the TypeScript ` +
      'reference. The bits are the same, the speed is not',
    { code: 'OCTAVO_W_REFERENCE_OPS', type: 'OctavoWarning' },
  );
}

/** Instruction sets that this build and this CPU have, best last. */
export function supportedIsas(): string[] {
  return loadAddon().describe().isas;
}

function threadsFromEnvironment(): number {
  const asked = process.env.OCTAVO_THREADS;
  if (!asked) return availableParallelism();
  const threads = Number(asked);
  if (Number.isInteger(threads) && threads >= 1 && threads <= 256) return threads;
  throw new OctavoError('INVALID_ARGUMENT', `OCTAVO_THREADS must be an integer from 1 to 256, got '${asked}'`);
}
