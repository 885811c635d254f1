import type { Tensor } from '../tensor/tensor.js';
import type { Attrs, OpDef, Operand } from './op-def.js';

/** What a tracer hears: every dispatched op, every module entered, and every read of a traced tensor. */
export interface Recorder {
  op(def: OpDef, inputs: readonly (Operand | null)[], attrs: Attrs, outputs: readonly Tensor[]): void;
  /** Brackets a module's forward, so that nodes know their scope. */
  enter(module: object): void;
  leave(module: object): void;
  /** User code read the dims or the data of a tensor while tracing. */
  read(tensor: object, what: 'dims' | 'data'): void;
}

// One stack for all copies of this package (ESM and CJS), as for the backend registry.
const STACK = Symbol.for('@octavo/recorders.v1');
const shared = globalThis as { [STACK]?: (Recorder | null)[] };
shared[STACK] ??= [];
const stack = shared[STACK];

/** The recorder in front, if ops are being recorded just now. */
export function activeRecorder(): Recorder | null {
  return stack.length === 0 ? null : (stack[stack.length - 1] as Recorder | null);
}

/** Whether a trace is under way, also while it runs an op and hears nothing. */
export function isRecording(): boolean {
  return stack.length !== 0 && stack.some((recorder) => recorder !== null);
}

/** Runs `body` with `recorder` in front (null: nothing hears), and takes it away again whatever happens. */
export function withRecorder<R>(recorder: Recorder | null, body: () => R): R {
  stack.push(recorder);
  try {
    return body();
  } finally {
    stack.pop();
  }
}

/** @internal Called by Tensor's getters. */
export function notifyRead(tensor: object, what: 'dims' | 'data'): void {
  if (stack.length !== 0) activeRecorder()?.read(tensor, what);
}
