import {
  type Attrs,
  dispatch,
  isOctavoError,
  OctavoError,
  type Operand,
  opByName,
  type Tensor,
  withRecorder,
} from '@octavo/core';
import { isDeferred } from '../import/deferred-nodes.js';
import type { Graph } from '../ir/graph.js';
import { leafOperand } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { bindQParams } from '../passes/bind-qparams.js';
import { dropObservers } from '../passes/drop-observers.js';
import { foldConstants } from '../passes/fold-constants.js';
import { runPasses } from '../passes/pass.js';
import { removeDeadCode } from '../passes/remove-dead-code.js';
import { replaceObservers } from '../passes/replace-observers.js';
import { emulateWeightOnly } from '../passes/weight-only-linears.js';
import { checkFeeds, type Feeds } from '../run/check-feeds.js';
import { specialise } from '../run/specialise.js';

// A prepared graph's layers in turn, each fed as in the float model and as in the int8 one so far.

/** What a layer reads of one batch. */
export interface LayerInputs {
  readonly float: Tensor<'float32'>;
  /** With the codes of everything before it, as floats. */
  readonly rounded: Tensor<'float32'>;
}

/** The float form of a prepared graph and its rounded form, both with what `layers` read and give as their outputs. */
export class FloatAndRounded {
  private readonly float: WalkedGraph;
  private readonly rounded: WalkedGraph;

  constructor(prepared: Graph, layers: readonly Node[]) {
    this.float = new WalkedGraph(prepared, layers, [dropObservers]);
    this.rounded = new WalkedGraph(prepared, layers, [emulateWeightOnly, replaceObservers, bindQParams]);
  }

  /** Both forms at the beginning of one batch. */
  begin(feeds: Feeds): BatchWalk {
    return new BatchWalk(this.float.begin(feeds), this.rounded.begin(feeds));
  }
}

/** One batch on its way through both forms. Holds the values that nodes to come read, and no others. */
export class BatchWalk {
  constructor(
    private readonly float: Walk,
    private readonly rounded: Walk,
  ) {}

  /** Goes on until layer `index` is next. */
  inputsOf(index: number): LayerInputs {
    return { float: this.float.inputOf(index), rounded: this.rounded.inputOf(index) };
  }

  /** Gives the rounded form's layer another weight, before it is gone through. */
  setWeight(index: number, weight: Tensor): void {
    this.rounded.setWeight(index, weight);
  }
}

/** Nodes in order, and those of the layers among them. */
interface Route {
  readonly graph: Graph;
  readonly nodes: readonly Node[];
  readonly layers: readonly Node[];
}

class WalkedGraph {
  private readonly graph: Graph;
  private readonly deferred: boolean;
  private readonly routes = new Map<string, Route>();

  constructor(prepared: Graph, layers: readonly Node[], passes: Parameters<typeof runPasses>[1]) {
    const graph = prepared.cloneSharingObservers();
    const byId = new Map([...graph.nodes()].map((node) => [node.id, node]));
    graph.setOutputs(layers.map(({ id }, i) => [String(i), (byId.get(id) as Node).output]));
    this.graph = runPasses(graph, [removeDeadCode, ...passes, foldConstants, removeDeadCode]);
    this.deferred = [...this.graph.nodes()].some(({ op }) => isDeferred(op));
  }

  begin(feeds: Feeds): Walk {
    const inputs = checkFeeds(this.graph, feeds);
    return new Walk(this.routeFor([...inputs.values()]), inputs);
  }

  private routeFor(inputs: readonly Tensor[]): Route {
    const key = this.deferred ? inputs.map(({ raw }) => raw.dims.join('x')).join(';') : '';
    const known = this.routes.get(key) ?? routeOf(this.deferred ? specialised(this.graph, inputs) : this.graph);
    this.routes.set(key, known);
    return known;
  }
}

function routeOf(graph: Graph): Route {
  return { graph, nodes: [...graph.nodes()], layers: graph.outputs.map(({ value }) => value.node) };
}

function specialised(graph: Graph, inputs: readonly Tensor[]): Graph {
  const known = inputs.map(({ type, raw }) => ({ dtype: type, dims: raw.dims }));
  const { graph: result, needsValues } = specialise(graph, known);
  if (!needsValues) return result;
  throw new OctavoError(
    'UNSUPPORTED',
    "a shape in this graph depends on its inputs' values, and layers are learned node by node; import the model with " +
      'fixed input dims',
  );
}

/** A forward, node by node. */
class Walk {
  private readonly values = new Map<Value, Operand>();
  private readonly readersLeft = new Map<Value, number>();
  private readonly weights = new Map<Node, Tensor>();
  private at = 0;

  constructor(
    private readonly route: Route,
    fed: ReadonlyMap<string, Tensor>,
  ) {
    for (const input of route.graph.inputs) this.keep(input, fed.get(input.hint) as Tensor);
  }

  inputOf(index: number): Tensor<'float32'> {
    const layer = this.route.layers[index] as Node;
    for (; this.route.nodes[this.at] !== layer; this.at++) this.compute(this.route.nodes[this.at] as Node);
    return this.operand(layer.input(0)) as Tensor<'float32'>;
  }

  setWeight(index: number, weight: Tensor): void {
    this.weights.set(this.route.layers[index] as Node, weight);
  }

  private compute(node: Node): void {
    if (leafOperand(node.output) !== undefined) return;
    const operands = node.inputs.map((input) => (input === null ? null : this.operand(input)));
    const weight = this.weights.get(node);
    if (weight !== undefined) operands[1] = weight;
    const results = named(node, () =>
      withRecorder(null, () => dispatch(opByName(node.op), operands, node.attrs as Attrs)),
    );
    node.inputs.forEach((input) => {
      if (input !== null) this.release(input);
    });
    node.outputs.forEach((output, i) => {
      this.keep(output, results[i] as Operand);
    });
  }

  private operand(value: Value): Operand {
    return leafOperand(value) ?? (this.values.get(value) as Operand);
  }

  private keep(value: Value, operand: Operand): void {
    const readers = value.uses.length;
    if (readers === 0) return;
    this.values.set(value, operand);
    this.readersLeft.set(value, readers);
  }

  private release(value: Value): void {
    const left = (this.readersLeft.get(value) ?? 0) - 1;
    this.readersLeft.set(value, left);
    if (left <= 0) this.values.delete(value);
  }
}

function named<T>({ scope, op }: Node, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isOctavoError(error)) throw error;
    const place = scope === '' ? op : `${scope} (${op})`;
    throw new OctavoError(error.code, `${place}: ${error.message}`, { cause: error, details: error.details });
  }
}
