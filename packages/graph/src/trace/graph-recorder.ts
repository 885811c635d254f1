import {
  type Attrs,
  isPackedParams,
  OctavoError,
  type OpDef,
  type Operand,
  type Recorder,
  type Tensor,
} from '@octavo/core';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import { attributeSpec, constantSpec } from '../ir/leaf-nodes.js';
import type { Value } from '../ir/value.js';
import { tensorType } from '../ir/value-type.js';
import type { ModuleNames } from './module-names.js';
import { userFrame } from './user-frame.js';

/**
 * Writes down what the dispatcher does. A tensor is the value that made it, by identity; a tensor that no op made is a
 * parameter when a module owns it, else a constant.
 */
export class GraphRecorder implements Recorder {
  /** The first misuse, kept because user code may swallow what `read` throws. */
  failure: OctavoError | null = null;
  private readonly graph: Graph;
  private readonly names: ModuleNames;
  private readonly freeNames: FreeNames;
  // Weak: a trace of a large model must not keep every activation it ever computed.
  private readonly values = new WeakMap<object, Value>();
  /** Values that depend on the graph's inputs: only their dims and data vary from run to run. */
  private readonly varying = new Set<Value>();
  private readonly scopes: string[] = [''];

  constructor(graph: Graph, names: ModuleNames) {
    this.graph = graph;
    this.names = names;
    this.freeNames = new FreeNames(graph);
  }

  input(name: string, tensor: Tensor): void {
    if (this.values.has(tensor)) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[trace] input '${name}' is the same tensor object as another input; give each input a tensor of its own`,
      );
    }
    const value = this.graph.addInput(name, tensorType(tensor.type, tensor.raw.dims));
    this.values.set(tensor, value);
    this.varying.add(value);
  }

  op(def: OpDef, inputs: readonly (Operand | null)[], attrs: Attrs, outputs: readonly Tensor[]): void {
    const operands = inputs.map((operand) => (operand ? this.valueOf(operand) : null));
    const variadic = def.inputs.at(-1)?.endsWith('*') === true;
    while (!variadic && operands.length < def.inputs.length) operands.push(null);
    const node = this.graph.insert({
      op: def.name,
      inputs: operands,
      outputs: outputs.map(({ type, raw }) => ({ type: tensorType(type, raw.dims) })),
      attrs: copied(attrs),
      scope: this.scope,
    });
    const varies = operands.some((operand) => operand !== null && this.varying.has(operand));
    outputs.forEach((tensor, i) => {
      const value = node.outputs[i] as Value;
      this.values.set(tensor, value);
      if (varies) this.varying.add(value);
    });
  }

  enter(module: object): void {
    this.scopes.push(this.names.pathOf(module, this.scope));
  }

  leave(): void {
    this.scopes.pop();
  }

  read(tensor: object, what: 'dims' | 'data'): void {
    const value = this.values.get(tensor);
    if (value === undefined || !this.varying.has(value)) return;
    const where = userFrame() ?? 'an unknown line';
    if (what === 'dims') {
      this.graph.fixedBy ??= `dims read at ${where}`;
      return;
    }
    this.failure ??= new OctavoError(
      'TRACE_FAILED',
      `[trace] the values of a traced tensor were read at ${where}${this.inModule()}: a graph has no values while it is ` +
        'traced, so neither control flow nor arithmetic in code can depend on them; use ops (F.*) instead',
      { details: { where, module: this.scope } },
    );
    throw this.failure;
  }

  /** The value of a tensor or of packed weights; one that is new becomes a parameter or a constant. */
  valueOf(operand: Operand): Value {
    const known = this.values.get(operand);
    if (known !== undefined) return known;
    const value = this.leaf(operand);
    this.values.set(operand, value);
    return value;
  }

  private leaf(operand: Operand): Value {
    const name = isPackedParams(operand)
      ? this.freeNames.find(`${this.scope === '' ? '' : `${this.scope}.`}_packed_params`)
      : this.names.parameterName(operand);
    if (name === undefined) return this.graph.insert(constantSpec(operand as Tensor)).output;
    this.graph.parameters.set(name, operand);
    return this.graph.insert(attributeSpec(name, operand)).output;
  }

  private get scope(): string {
    return this.scopes.at(-1) as string;
  }

  private inModule(): string {
    return this.scope === '' ? '' : ` (module '${this.scope}')`;
  }
}

/** Attributes that the caller can no longer change: lists are copied as well. */
function copied(attrs: Attrs): Attrs {
  return Object.fromEntries(
    Object.entries(attrs).map(([name, value]) => [name, typeof value === 'number' ? value : [...value]]),
  );
}
