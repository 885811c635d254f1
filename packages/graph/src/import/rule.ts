import { type Attrs, type Dims, type DType, OctavoError, type Tensor } from '@octavo/core';
import type { Attributes } from '../ir/attributes.js';
import type { Value } from '../ir/value.js';
import type { Dim, Facts } from './facts.js';
import { isNumbers } from './facts.js';
import type { GraphBuilder } from './graph-builder.js';

/** An operation of a foreign format, with operands that are values already. */
export interface ForeignNode {
  /** Its type in its format: `Conv`. */
  readonly op: string;
  /** What messages call it. */
  readonly label: string;
  readonly inputs: readonly (Value | null)[];
  readonly attrs: Attributes;
  /** How many outputs it has, absent ones among them. */
  readonly outputs: number;
  /** Version of the operator set that its meaning is taken from. */
  readonly version: number;
}

/**
 * How one operation becomes ops of core's table. A rule that needs numbers which are not known yet (the elements of a
 * shape that the graph computes) asks for them all the same: the node then stays in the graph, and the rule is asked
 * again when the inputs of a run say them.
 */
export type Rule = (n: RuleContext) => Value | readonly Value[];

/** Thrown by what a rule asks for: the answer is not known before a run. */
export const DEFERRED: unique symbol = Symbol('deferred');

/** The questions a rule may ask, and the ops it may add. */
export class RuleContext {
  constructor(
    readonly builder: GraphBuilder,
    readonly node: ForeignNode,
  ) {}

  get version(): number {
    return this.node.version;
  }

  // Operands

  input(index: number): Value {
    const value = this.node.inputs[index];
    if (value) return value;
    throw this.fault(`input ${index} is absent`);
  }

  optional(index: number): Value | null {
    return this.node.inputs[index] ?? null;
  }

  dtype(value: Value): DType {
    return this.builder.dtype(value) as DType;
  }

  /** The dims of a value, with symbols for what is unknown; deferred where the rank is. */
  shape(value: Value): readonly Dim[] {
    const dims = this.builder.dims(value);
    if (dims === null) throw DEFERRED;
    return dims;
  }

  rank(value: Value): number {
    return this.shape(value).length;
  }

  /** The dims of a value as numbers; deferred where one is unknown. */
  dims(value: Value): Dims {
    const dims = this.shape(value);
    if (!isNumbers(dims)) throw DEFERRED;
    return dims;
  }

  /** The tensor of a value that must be constant; deferred where it is computed. */
  tensor(value: Value): Tensor {
    const tensor = this.builder.tensor(value);
    if (tensor === undefined) throw DEFERRED;
    return tensor;
  }

  /** The elements of a small tensor, with symbols for dims that are unknown; deferred where it is computed otherwise. */
  elements(value: Value): readonly Dim[] {
    const content = this.builder.content(value);
    if (content !== null) return content.map((dim) => (typeof dim === 'number' ? safe(dim) : dim));
    return this.numbers(value);
  }

  /** The elements of a tensor that must be constant, as numbers. int64's ends become those of safe integers. */
  numbers(value: Value): number[] {
    const content = this.builder.content(value);
    if (isNumbers(content)) return content.map(safe);
    const { type, raw } = this.tensor(value);
    if (type === 'float16') throw this.unsupported('arithmetic in float16');
    return Array.from(raw.data as Iterable<number | bigint>, (x) => safe(Number(x)));
  }

  number(value: Value): number {
    return this.numbers(value)[0] as number;
  }

  // Attributes

  has(name: string): boolean {
    return this.node.attrs[name] !== undefined;
  }

  /** A number; without a default it must be there. */
  attr(name: string, otherwise?: number): number {
    const value = this.node.attrs[name] ?? otherwise;
    if (typeof value === 'number') return value;
    throw this.fault(`attribute '${name}' is ${value === undefined ? 'missing' : 'no number'}`);
  }

  list(name: string, otherwise?: readonly number[]): readonly number[] {
    const value = this.node.attrs[name] ?? otherwise;
    if (Array.isArray(value)) return value as readonly number[];
    throw this.fault(`attribute '${name}' is ${value === undefined ? 'missing' : 'no list of numbers'}`);
  }

  /** A list of texts, which attributes hold as JSON; empty where it is absent. */
  texts(name: string): readonly string[] {
    try {
      const list: unknown = JSON.parse(this.text(name, '[]'));
      if (Array.isArray(list) && list.every((each) => typeof each === 'string')) return list;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    throw this.fault(`attribute '${name}' is no list of texts`);
  }

  text(name: string, otherwise: string): string {
    const value = this.node.attrs[name] ?? otherwise;
    if (typeof value === 'string') return value;
    throw this.fault(`attribute '${name}' is no text`);
  }

  // What a rule makes

  op(name: string, inputs: readonly (Value | null)[], attrs: Attrs = {}): Value {
    return this.builder.op(name, inputs, attrs);
  }

  constant(tensor: Tensor): Value {
    return this.builder.constant(tensor);
  }

  /** Says more of a value than its op does. */
  know(value: Value, facts: Facts): Value {
    return this.builder.know(value, facts);
  }

  fault(why: string): OctavoError {
    return new OctavoError('INVALID_DATA', why, { details: { node: this.node.label } });
  }

  unsupported(what: string): OctavoError {
    return new OctavoError('UNSUPPORTED', `${what} is not supported`, { details: { node: this.node.label } });
  }
}

function safe(value: number): number {
  if (value > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER;
  return value < -Number.MAX_SAFE_INTEGER && Number.isFinite(value) ? -Number.MAX_SAFE_INTEGER : value;
}
