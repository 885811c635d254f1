import {
  type Attrs,
  DTYPES,
  dispatch,
  isOctavoError,
  isPackedParams,
  type OctavoError,
  OPS,
  type Operand,
  opByName,
  sizeOf,
  Tensor,
  withCheapestBackend,
  withRecorder,
} from '@octavo/core';
import type { Attributes } from '../ir/attributes.js';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import { attributeSpec, constantSpec, isLeaf, leafOperand, leafTensor } from '../ir/leaf-nodes.js';
import type { Value } from '../ir/value.js';
import { type ElementType, tensorType } from '../ir/value-type.js';
import { DimProducts } from './dim-products.js';
import { type Dim, type Facts, isNumbers } from './facts.js';
import { inferFacts } from './infer-facts.js';

export interface BuilderOptions {
  /** An op of constants alone is computed at once when its results take at most so many bytes. */
  foldedBytes: number;
  /** Keeps an op that refuses its operands, with its error, until it is known whether anything needs it. */
  tolerant: boolean;
}

/** An op of constants alone is computed at once: where its results take few bytes, whatever they take, or not at all. */
export type Folding = 'small' | 'always' | 'never';

/**
 * Puts ops of core's table into a graph for an importer: computes what is constant, follows dims and the elements of
 * shape tensors through the ops, so that rules can ask for them. It knows nothing of any file format.
 */
export class GraphBuilder {
  readonly graph: Graph;
  /** Module path of the ops that are added just now. */
  scope = '';
  /** Why a value cannot be computed, where `tolerant` put that off. */
  readonly failures = new Map<Value, OctavoError>();
  // By the values' ids: maps of values take as long as all the rest of an import.
  private readonly facts: Facts[] = [];
  private readonly names: FreeNames;
  private readonly constants = new WeakMap<Tensor, Value>();
  /** What `evaluated` has computed. */
  private readonly computed = new Map<Value, Tensor>();
  private readonly options: BuilderOptions;
  private symbols = 0;
  private readonly derived = new Map<string, string>();
  private readonly products = new DimProducts(() => this.freshSymbol());
  /** Where each symbol was first seen: a value and its axis. */
  private readonly origins = new Map<string, { value: Value; axis: number }>();

  constructor(graph: Graph, options: BuilderOptions) {
    this.graph = graph;
    this.names = new FreeNames(graph);
    this.options = options;
  }

  input(name: string, facts: Facts): Value {
    const dims = isNumbers(facts.dims) ? facts.dims : null;
    return this.know(this.graph.addInput(name, tensorType(facts.dtype, dims)), facts);
  }

  constant(tensor: Tensor): Value {
    const known = this.constants.get(tensor);
    if (known !== undefined) return known;
    const value = this.know(this.graph.insert(constantSpec(tensor)).output, factsOf(tensor));
    this.constants.set(tensor, value);
    return value;
  }

  /** A parameter of the graph under the wanted name, or that name with a number behind. */
  parameter(name: string, operand: Operand): Value {
    const free = this.names.find(name);
    this.graph.parameters.set(free, operand);
    const { output } = this.graph.insert(attributeSpec(free, operand));
    return Tensor.is(operand) ? this.know(output, factsOf(operand)) : output;
  }

  /** The outputs of an op of core's table. `folding`: whether an op of constants alone is computed at once. */
  ops(
    name: string,
    inputs: readonly (Value | null)[],
    attrs: Attrs = {},
    folding: Folding = 'small',
  ): readonly Value[] {
    const def = opByName(name);
    const variadic = def.inputs.at(-1)?.endsWith('*') === true;
    const operands = [...inputs];
    while (!variadic && operands.length < def.inputs.length) operands.push(null);
    try {
      const facts = inferFacts(
        def,
        operands.map((value) => this.operandFacts(value)),
        attrs,
        () => this.freshSymbol(),
      );
      const shape = name === 'aten::_shape_as_tensor' ? this.dims(operands[0] as Value) : null;
      if (isNumbers(shape)) {
        return [this.constant(new Tensor('int64', BigInt64Array.from(shape, BigInt), [shape.length]))];
      }
      const folded = folding === 'never' ? null : this.folded(name, operands, attrs, facts, folding);
      return folded ?? this.insert(name, operands, attrs, facts);
    } catch (error) {
      const unknown = def.outputs.map((): Facts => ({ dtype: 'float32', dims: null }));
      return this.fail(error, () => this.insert(name, operands, attrs, unknown));
    }
  }

  /** Puts an error off: whoever needs one of the outputs will meet it. A builder that is not tolerant throws it now. */
  fail(error: unknown, insert: () => readonly Value[]): readonly Value[] {
    if (!this.options.tolerant || !isOctavoError(error)) throw error;
    const outputs = insert();
    for (const output of outputs) this.failures.set(output, error);
    return outputs;
  }

  /** The only output of an op, or the first. */
  op(name: string, inputs: readonly (Value | null)[], attrs: Attrs = {}): Value {
    return this.ops(name, inputs, attrs)[0] as Value;
  }

  /** A node that is no row of core's table: kept as it is until its operands are known. */
  insert(
    op: string,
    inputs: readonly (Value | null)[],
    attrs: Attributes,
    outputs: readonly Facts[],
  ): readonly Value[] {
    const types = outputs.map(({ dtype, dims }) => ({ type: tensorType(dtype, isNumbers(dims) ? dims : null) }));
    const node = this.graph.insert({ op, inputs, outputs: types, attrs, scope: this.scope });
    node.outputs.forEach((value, i) => {
      this.know(value, outputs[i] as Facts);
    });
    return node.outputs;
  }

  /** False where a constant of so many bytes is better made when a run needs it. */
  makesConstantOf(bytes: number): boolean {
    return bytes <= this.options.foldedBytes;
  }

  /** The tensor of a value that is constant. */
  tensor(value: Value): Tensor | undefined {
    return leafTensor(value);
  }

  /**
   * The tensor of a value that constants alone make, computed now however large it is: what an exporter cuts and joins
   * weights from, in at most `depth` ops one behind the other. Undefined where a run has a part in it, or where it is larger
   * than what it is made of: a file of few bytes makes no large tensor here.
   */
  evaluated(value: Value, depth = 32): Tensor | undefined {
    const known = leafTensor(value) ?? this.computed.get(value);
    if (known !== undefined || depth === 0 || value.isInput || !Object.hasOwn(OPS, value.node.op)) return known;
    const operands = value.node.inputs.map((input) => input && this.evaluated(input, depth - 1));
    if (operands.includes(undefined)) return undefined;
    const given = (operands as (Tensor | null)[]).reduce((sum, operand) => sum + (operand?.raw.data.length ?? 0), 0);
    const made = value.node.outputs.map((output) => this.dims(output));
    if (!made.every((dims) => isNumbers(dims) && sizeOf(dims) <= given)) return undefined;
    const results = withRecorder(null, () =>
      dispatch(opByName(value.node.op), operands as (Operand | null)[], value.node.attrs as Attrs),
    );
    value.node.outputs.forEach((output, i) => void this.computed.set(output, results[i] as Tensor));
    return this.computed.get(value);
  }

  dtype(value: Value): ElementType {
    return value.type.kind === 'tensor' ? value.type.dtype : 'qint8';
  }

  dims(value: Value): readonly Dim[] | null {
    return this.facts[value.id]?.dims ?? null;
  }

  /** The elements of a shape tensor, as far as they are known. */
  content(value: Value): readonly Dim[] | null {
    const known = this.facts[value.id]?.content;
    if (known !== undefined) return known;
    const tensor = leafTensor(value);
    if (tensor === undefined || tensor.type === 'float16' || tensor.raw.data.length > 64) return null;
    return Array.from(tensor.raw.data as Iterable<number | bigint>, Number);
  }

  know(value: Value, facts: Facts): Value {
    this.facts[value.id] = facts;
    facts.dims?.forEach((dim, axis) => {
      if (typeof dim === 'string' && !this.origins.has(dim)) this.origins.set(dim, { value, axis });
    });
    return value;
  }

  /** A value that has a symbol among its dims, and the axis of it. */
  originOf(symbol: string): { value: Value; axis: number } | undefined {
    return this.origins.get(symbol);
  }

  freshSymbol(): string {
    return `?${++this.symbols}`;
  }

  /** A dim that is the product of others. */
  productOf(dims: readonly Dim[]): Dim {
    return this.products.product(dims);
  }

  /** A product of dims divided by another, as a dim; `isExact` where it is known to leave no rest. */
  quotientOf(dims: readonly Dim[], divisors: readonly Dim[], isExact = false): Dim | undefined {
    return this.products.quotient(dims, divisors, isExact);
  }

  /** The symbol of what an expression over symbols comes to: the same one for the same text. */
  symbolOf(expression: string): string {
    const known = this.derived.get(expression) ?? this.freshSymbol();
    this.derived.set(expression, known);
    return known;
  }

  private operandFacts(value: Value | null) {
    if (value === null) return null;
    if (value.type.kind === 'packed') {
      const operand = leafOperand(value);
      if (operand !== undefined && isPackedParams(operand)) return operand;
    }
    return this.facts[value.id] ?? { dtype: this.dtype(value) as Facts['dtype'], dims: null };
  }

  private folded(
    name: string,
    inputs: readonly (Value | null)[],
    attrs: Attrs,
    facts: readonly Facts[],
    folding: Folding,
  ): readonly Value[] | null {
    if (!inputs.every((input) => input === null || isLeaf(input))) return null;
    const operands = inputs.map((input) => (input === null ? null : leafOperand(input)));
    if (operands.includes(undefined) || operands.every((operand) => operand === null)) return null;
    const bytes = facts.reduce(
      (sum, { dtype, dims }) => sum + (isNumbers(dims) ? sizeOf(dims) * DTYPES[dtype].bytes : Number.POSITIVE_INFINITY),
      0,
    );
    if (folding === 'small' && bytes > this.options.foldedBytes) return null;
    const elements = Math.max(bytes, ...operands.map((operand) => (Tensor.is(operand) ? operand.raw.data.length : 0)));
    const results = withRecorder(null, () =>
      withCheapestBackend(elements, () => dispatch(opByName(name), operands as (Operand | null)[], attrs)),
    );
    return results.map((tensor) => this.constant(tensor));
  }
}

export function factsOf({ type, raw }: Tensor): Facts {
  return { dtype: type, dims: raw.dims };
}
