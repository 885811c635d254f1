import { OctavoError } from '@octavo/core';
import type { Attributes } from './attributes.js';
import type { Graph } from './graph.js';
import { LinkedUse, Value } from './value.js';
import type { ValueType } from './value-type.js';

/** What an output of a new node is to be. */
export interface OutputSpec {
  readonly type: ValueType;
  readonly hint?: string;
}

/** What a new node is to be. Inputs are null where an optional operand is absent. */
export interface NodeSpec {
  readonly op: string;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly OutputSpec[];
  readonly attrs?: Attributes;
  readonly scope?: string;
  readonly note?: string;
}

const NO_ATTRIBUTES: Attributes = Object.freeze({});

/**
 * One operation. `op` is a name of core's op table, or one of the few `prim::` and `octavo::observe` nodes that a
 * graph has besides. Nodes are made and placed by `Graph.insert`; they form a list in an order that respects data flow.
 */
export class Node {
  readonly id: number;
  readonly op: string;
  readonly graph: Graph;
  readonly outputs: readonly Value[];
  /** Shared by clones: passes put another object in place instead of editing this one. */
  attrs: Attributes;
  /** Path of the module whose forward called the op: '' is the root. */
  readonly scope: string;
  /** Why this node is int8 or stayed float, for the coverage report. */
  note: string;
  /** @internal The list's links, kept by Graph. */
  previous: Node | null = null;
  /** @internal */
  next: Node | null = null;
  // As long as they are: an empty array that grows takes room for seventeen, and a graph may have a million of them.
  private readonly operands: (Value | null)[];
  private readonly operandUses: (LinkedUse | null)[];

  /** @internal Called by Graph. `valueIds`: the first output's number, which those of the others follow, or one for each. */
  constructor(graph: Graph, id: number, spec: NodeSpec, valueIds: number | readonly number[]) {
    this.graph = graph;
    this.id = id;
    this.op = spec.op;
    this.attrs = spec.attrs ?? NO_ATTRIBUTES;
    this.scope = spec.scope ?? '';
    this.note = spec.note ?? '';
    this.outputs = spec.outputs.map(({ type, hint }, i) => {
      return new Value(typeof valueIds === 'number' ? valueIds + i : (valueIds[i] as number), this, type, hint);
    });
    this.operands = spec.inputs.slice();
    this.operandUses = this.operands.map((value, i) => this.use(value, i));
  }

  get inputs(): readonly (Value | null)[] {
    return this.operands;
  }

  /** The operand that must be there. */
  input(index: number): Value {
    const value = this.operands[index];
    if (value) return value;
    throw new OctavoError('INVALID_ARGUMENT', `[${this.op}] operand ${index} is absent${at(this.scope)}`);
  }

  /** The first output: the only one of nearly all nodes. */
  get output(): Value {
    return this.outputs[0] as Value;
  }

  setInput(index: number, value: Value | null): void {
    const old = this.operandUses[index];
    if (old) this.operands[index]?.removeUse(old);
    this.operands[index] = value;
    this.operandUses[index] = this.use(value, index);
    this.graph.touch();
  }

  addInput(value: Value | null): void {
    this.setInput(this.operands.length, value);
  }

  /** @internal Reads nothing any more. */
  clearInputs(): void {
    for (let i = 0; i < this.operands.length; i++) this.setInput(i, null);
    this.operands.length = 0;
    this.operandUses.length = 0;
  }

  private use(value: Value | null, index: number): LinkedUse | null {
    if (value === null) return null;
    const use = new LinkedUse(this, index);
    value.addUse(use);
    return use;
  }

  /** Whether anything reads one of its outputs. */
  get isUsed(): boolean {
    for (const output of this.outputs) if (output.isUsed) return true;
    return false;
  }

  /** Takes the node out of its graph. Nothing may read its outputs any more. */
  remove(): void {
    if (this.isUsed) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${this.op}] cannot be removed: its output is still read${at(this.scope)}`,
      );
    }
    this.clearInputs();
    this.graph.unlink(this);
  }
}

function at(scope: string): string {
  return scope === '' ? '' : ` (in module '${scope}')`;
}
