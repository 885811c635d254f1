import type { Attrs, Operand } from '../ops/op-def.js';
import type { DType } from '../tensor/dtype.js';
import type { Dims } from '../tensor/shape.js';

/** A place in a program that holds one operand during a run. */
export interface ProgramValue {
  /** For messages and printing: `%12`, or a qualified parameter name. */
  readonly name: string;
  /** Set for constants: weights in canonical layout. Backends pack them once, when they compile. */
  readonly constant?: Operand;
}

export interface Instruction {
  /** A name of the op table. */
  readonly op: string;
  /** Indices into `values`; -1 for an optional operand that is absent. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly attrs: Attrs;
}

export interface ProgramInput {
  readonly name: string;
  readonly value: number;
  readonly dtype: DType;
  /** Set when the traced code read the dims: the program then serves this shape alone. */
  readonly fixedDims?: Dims;
}

export interface ProgramOutput {
  readonly name: string;
  readonly value: number;
}

/**
 * A lowered graph: straight-line instructions over numbered values, in an order that respects their data flow.
 * It holds no shapes: one program serves every batch and length, and `planMemory` specialises it.
 */
export interface Program {
  readonly values: readonly ProgramValue[];
  readonly instructions: readonly Instruction[];
  readonly inputs: readonly ProgramInput[];
  readonly outputs: readonly ProgramOutput[];
}
