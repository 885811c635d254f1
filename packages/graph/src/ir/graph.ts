import type { Operand, RunOptions, Tensor } from '@octavo/core';
import type { Feeds } from '../run/check-feeds.js';
import { GraphRunner } from '../run/graph-runner.js';
import { Node, type NodeSpec } from './node.js';
import { cloneObserverSpec, type ObserverSpec } from './observer-spec.js';
import { print } from './print.js';
import { type AttributeTensor, checkReplacement, readAttribute } from './read-attribute.js';
import { Value } from './value.js';
import type { ValueType } from './value-type.js';

/**
 * How far a graph has come: as traced, with observers, with quantize and dequantize nodes around float ops (debug),
 * or with frozen int8 ops.
 */
export type GraphStage = 'float' | 'prepared' | 'debug' | 'quantized';

export interface GraphOutput {
  readonly name: string;
  readonly value: Value;
}

/**
 * A model as a list of nodes over typed values, in TorchScript's terms: traced or loaded, rewritten by passes, run by
 * name. Mutable: passes edit it in place, the public verbs (`quantizeDynamic` and its like) work on a clone unless
 * told `inplace`. Clones share tensors, which nobody writes to.
 */
export class Graph {
  /** Class name of the model, as in `graph(%self : BertForSequenceClassification`. */
  readonly name: string;
  stage: GraphStage = 'float';
  /** What `prim::GetAttr` reads: weights and packed weights by qualified name. */
  readonly parameters = new Map<string, Operand>();
  /** The modules of the model by path, with their class names: what keys of a qconfig dictionary may name. */
  readonly modules = new Map<string, string>();
  /** Float parameters that were packed, with the name of the packed weights that took their place. */
  readonly frozen = new Map<string, string>();
  /** What the `octavo::observe` nodes of a prepared graph observe, by name. */
  readonly observers = new Map<string, ObserverSpec>();
  /** Set when the traced code read dims: where it did. The graph then serves the traced input shapes alone. */
  fixedBy: string | null = null;

  private readonly entry: Node;
  private readonly exit: Node;
  private readonly inputValues: Value[] = [];
  private readonly outputLabels: string[] = [];
  private nextNodeId = 0;
  private nextValueId = 0;
  private changes = 0;
  private runner: GraphRunner | null = null;

  constructor(name: string) {
    this.name = name;
    const sentinel = (op: string) => new Node(this, this.nextNodeId++, { op, inputs: [], outputs: [] }, 0);
    this.entry = sentinel('prim::Param');
    this.exit = sentinel('prim::Return');
    this.entry.next = this.exit;
    this.exit.previous = this.entry;
  }

  // Structure

  get inputs(): readonly Value[] {
    return this.inputValues;
  }

  get outputs(): readonly GraphOutput[] {
    return this.outputLabels.map((name, i) => ({ name, value: this.exit.input(i) }));
  }

  /** The node whose operands are the graph's outputs; it stands behind all others and is not among `nodes()`. */
  get returnNode(): Node {
    return this.exit;
  }

  /** All nodes in order. The list may be edited meanwhile, but for the node that comes next. */
  nodes(): IterableIterator<Node> {
    return walk('next', this.entry, this.exit);
  }

  /** All nodes, last first. */
  nodesBackwards(): IterableIterator<Node> {
    return walk('previous', this.exit, this.entry);
  }

  addInput(name: string, type: ValueType, id = this.nextValueId): Value {
    const value = new Value(id, this.entry, type, name);
    this.inputValues.push(value);
    this.nextValueId = Math.max(this.nextValueId, id + 1);
    this.touch();
    return value;
  }

  addOutput(name: string, value: Value): void {
    this.outputLabels.push(name);
    this.exit.addInput(value);
  }

  /** Other outputs in the place of all that there were. */
  setOutputs(outputs: Iterable<readonly [name: string, value: Value]>): void {
    this.exit.clearInputs();
    this.outputLabels.length = 0;
    for (const [name, value] of outputs) this.addOutput(name, value);
  }

  /** Makes a node and places it before `before`, by default at the end. */
  insert(spec: NodeSpec, before: Node = this.exit): Node {
    const node = new Node(this, this.nextNodeId++, spec, this.nextValueId);
    this.nextValueId += node.outputs.length;
    this.link(node, before);
    return node;
  }

  /** @internal As `insert`, with ids given: for clones and loaded graphs. */
  insertWithIds(spec: NodeSpec, id: number, valueIds: readonly number[]): Node {
    const node = new Node(this, id, spec, valueIds);
    this.nextNodeId = Math.max(this.nextNodeId, id + 1);
    for (const valueId of valueIds) this.nextValueId = Math.max(this.nextValueId, valueId + 1);
    this.link(node, this.exit);
    return node;
  }

  private link(node: Node, before: Node): void {
    const previous = before.previous as Node;
    node.previous = previous;
    node.next = before;
    previous.next = node;
    before.previous = node;
    this.touch();
  }

  /** @internal `Node.remove` does this. */
  unlink(node: Node): void {
    (node.previous as Node).next = node.next;
    (node.next as Node).previous = node.previous;
    this.touch();
  }

  /** @internal Every edit counts: compiled programs of an older count are dropped. */
  touch(): void {
    this.changes++;
  }

  /** @internal */
  get version(): number {
    return this.changes;
  }

  /** The same graph again, with the same ids; tensors are shared. */
  clone(): Graph {
    const copy = this.cloneSharingObservers();
    for (const [name, spec] of this.observers) copy.observers.set(name, cloneObserverSpec(spec));
    return copy;
  }

  /** @internal A clone that shares the observers too: for copies that are shown no data, and have thousands of them. */
  cloneSharingObservers(): Graph {
    const copy = new Graph(this.name);
    copy.stage = this.stage;
    copy.fixedBy = this.fixedBy;
    for (const key of ['parameters', 'modules', 'frozen', 'observers'] as const) {
      const entries = copy[key] as Map<string, unknown>;
      this[key].forEach((entry: unknown, name) => {
        entries.set(name, entry);
      });
    }
    const values = this.valueTable<Value>();
    const mapped = (value: Value | null) => (value === null ? null : (values[value.id] as Value));
    for (const input of this.inputs) values[input.id] = copy.addInput(input.hint, input.type, input.id);
    for (const node of this.nodes()) {
      // An output has the type and the hint that its twin is to have.
      const { op, scope, note, outputs, attrs } = node;
      const spec = { op, scope, note, outputs, attrs, inputs: node.inputs.map(mapped) };
      const ids = outputs.map(({ id }) => id);
      const twin = copy.insertWithIds(spec, node.id, ids);
      for (const output of twin.outputs) values[output.id] = output;
    }
    for (const { name, value } of this.outputs) copy.addOutput(name, mapped(value) as Value);
    copy.nextNodeId = this.nextNodeId;
    copy.nextValueId = this.nextValueId;
    return copy;
  }

  /**
   * @internal An empty array for something by the ids of this graph's values: where each of them is asked for, a map would
   * take as long as all the rest.
   */
  valueTable<T>(): T[] {
    // A file may say any id; JavaScript takes those beyond as keys.
    return new Array<T>(Math.min(this.nextValueId, 1 << 22));
  }

  // Looking

  /** The graph in TorchScript's look. The same graph always prints the same. */
  print(): string {
    return print(this);
  }

  toString(): string {
    return print(this);
  }

  /**
   * The tensor of a qualified parameter name. In a debug graph a quantized weight comes with `scale`, `zeroPoint` and
   * `axis`. FROZEN when the weight was packed, UNKNOWN_NAME (with the nearest name) when there never was one.
   */
  get(name: string): AttributeTensor {
    return readAttribute(this, name);
  }

  /**
   * Puts another tensor of the same dtype and dims in the place of a float parameter: a training loop's update. Errors as
   * of `get`. Clones keep what they have.
   */
  set(name: string, tensor: Tensor): void {
    checkReplacement(name, readAttribute(this, name), tensor);
    this.parameters.set(name, tensor);
    this.touch();
  }

  // Running

  get inputNames(): string[] {
    return this.inputs.map(({ hint }) => hint);
  }

  get outputNames(): string[] {
    return [...this.outputLabels];
  }

  /** Runs the graph on tensors by input name; any `{ type, dims, data }` will do. Compiled at first use. */
  run(feeds: Feeds): Record<string, Tensor> {
    return this.activeRunner().run(feeds);
  }

  /** The same bits as `run`, computed off the event loop where the backend can. */
  runAsync(feeds: Feeds, options?: RunOptions): Promise<Record<string, Tensor>> {
    return this.activeRunner().runAsync(feeds, options);
  }

  /** Frees what compiling took, native memory among it. A later run is a DISPOSED error; printing still works. */
  dispose(): void {
    this.activeRunner().dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private activeRunner(): GraphRunner {
    this.runner ??= new GraphRunner(this);
    return this.runner;
  }
}

/** The nodes between two others. By hand, because passes do little else: a generator takes twice as long a step. */
function walk(step: 'next' | 'previous', from: Node, to: Node): IterableIterator<Node> {
  let following = from[step] as Node;
  const result = { done: false, value: following };
  return {
    next() {
      result.value = following;
      result.done = following === to;
      if (!result.done) following = following[step] as Node;
      return result as IteratorResult<Node, undefined>;
    },
    [Symbol.iterator]() {
      return this;
    },
  };
}
