import { didYouMean, isOctavoError, OctavoError } from '@octavo/core';
import { applyRule, labelled } from '../import/apply-rule.js';
import { defer, IF } from '../import/deferred-nodes.js';
import type { Dim } from '../import/facts.js';
import type { GraphBuilder } from '../import/graph-builder.js';
import type { ForeignNode } from '../import/rule.js';
import type { Attributes } from '../ir/attributes.js';
import type { Value } from '../ir/value.js';
import { attributesOf } from './attributes.js';
import {
  AttributeProto_AttributeType,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './gen/onnx_pb.js';
import { scalarOf, stacked } from './loops.js';
import { modulePath, pathsAbove } from './module-names.js';
import type { OnnxFile } from './read-model.js';
import { DTYPE_OF_ONNX, onnxTypeName } from './rules/dtypes.js';
import { ONNX_RULES } from './rules/index.js';
import { tensorOf } from './tensors.js';

/** Operators that hold sub-graphs. */
const CONTROL = new Set(['If', 'Loop']);
/** Nodes that loops may come to when they are unrolled. */
const MAX_NODES = 1_000_000;

/** The values of one graph by name, and those of the graphs around it. */
class Names {
  private readonly own = new Map<string, Value>();
  private readonly initializers = new Map<string, TensorProto>();

  constructor(private readonly outer: Names | null) {}

  declare(proto: TensorProto): void {
    this.initializers.set(proto.name, proto);
  }

  isInitializer(name: string): boolean {
    return this.initializers.has(name);
  }

  has(name: string): boolean {
    return this.own.has(name) || this.initializers.has(name);
  }

  set(name: string, value: Value): void {
    this.own.set(name, value);
  }

  /** The value of a name; `load` makes one of an initializer that is read for the first time. */
  find(name: string, load: (proto: TensorProto) => Value): Value | undefined {
    const known = this.own.get(name);
    if (known !== undefined) return known;
    const proto = this.initializers.get(name);
    if (proto === undefined) return this.outer?.find(name, load);
    const value = load(proto);
    this.own.set(name, value);
    return value;
  }
}

/** Puts the nodes of a model's graph into a graph, by rule, in the file's order. */
export class GraphImporter {
  private readonly builder: GraphBuilder;
  private readonly file: OnnxFile;
  private readonly versions: ReadonlyMap<string, number>;
  private nodes = 0;

  constructor(file: OnnxFile, builder: GraphBuilder) {
    this.file = file;
    this.builder = builder;
    this.versions = new Map(file.model.opsetImport.map(({ domain, version }) => [domainOf(domain), Number(version)]));
    this.checkVersions();
  }

  /** The whole model: inputs, nodes, outputs. */
  run(): void {
    const graph = this.file.model.graph as GraphProto;
    this.checkOperators(graph);
    const names = this.scopeOf(graph, null);
    for (const input of graph.input) if (!names.isInitializer(input.name)) names.set(input.name, this.input(input));
    this.body(graph, names);
    for (const { name } of graph.output)
      this.builder.graph.addOutput(name, this.value(name, names, `output '${name}'`));
  }

  // Names

  private scopeOf(graph: GraphProto, outer: Names | null): Names {
    const names = new Names(outer);
    if (graph.sparseInitializer.length > 0) throw this.fault('UNSUPPORTED', 'sparse initializers are not supported');
    for (const proto of graph.initializer) names.declare(proto);
    return names;
  }

  private value(name: string, names: Names, reader: NodeProto | string): Value {
    const value = names.find(name, this.parameter);
    if (value !== undefined) return value;
    throw this.fault(
      'INVALID_FILE',
      `${typeof reader === 'string' ? reader : labelOf(reader)} reads '${name}', which nothing before it makes: the graph is cyclic or not in order`,
    );
  }

  private readonly parameter = (proto: TensorProto): Value =>
    this.builder.parameter(proto.name, tensorOf(proto, this.file.external, this.file.source));

  private input({ name, type }: ValueInfoProto): Value {
    const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
    const dtype = tensor === undefined ? undefined : DTYPE_OF_ONNX[tensor.elemType];
    if (tensor === undefined || dtype === undefined) {
      const kind = tensor === undefined ? 'no tensor' : `a tensor of ${onnxTypeName(tensor.elemType)}`;
      throw this.fault(
        'UNSUPPORTED',
        `input '${name}' is ${kind}; inputs are tensors of float32, float16, integers or bool`,
      );
    }
    const dims = tensor.shape?.dim.map(({ value }): Dim => {
      if (value.case === 'dimValue' && value.value >= 0n) return Number(value.value);
      return value.case === 'dimParam' && value.value !== '' ? value.value : this.builder.freshSymbol();
    });
    return this.builder.input(name, { dtype, dims: dims ?? null });
  }

  // Nodes

  private body(graph: GraphProto, names: Names): void {
    for (const node of graph.node) {
      this.countNode();
      const outputs = this.guarded(node, names);
      for (let i = 0; i < node.output.length; i++) {
        const name = node.output[i] as string;
        if (name === '') continue;
        if (names.has(name)) throw this.fault('INVALID_FILE', `${labelOf(node)} makes '${name}', which is made before`);
        const value = outputs[i];
        if (value === undefined)
          throw this.fault(
            'INVALID_FILE',
            `${labelOf(node)} has ${node.output.length} outputs, the operator ${outputs.length}`,
          );
        names.set(name, value);
      }
    }
  }

  private countNode(): void {
    if (++this.nodes > MAX_NODES) throw this.fault('UNSUPPORTED', `more than ${MAX_NODES} nodes, loops unrolled`);
  }

  private node(node: NodeProto, names: Names): readonly Value[] {
    const inputs = node.input.map((name) => (name === '' ? null : this.value(name, names, node)));
    this.builder.scope = modulePath(node.name, node.input, (name) => names.isInitializer(name));
    this.declareModule(this.builder.scope);
    if (domainOf(node.domain) === '' && node.opType === 'If') return this.branches(node, inputs, names);
    if (domainOf(node.domain) === '' && node.opType === 'Loop') return this.loop(node, inputs, names);
    const attrs = attributesOf(node, this.file.external, this.file.source);
    const foreign = new OnnxNode(node, inputs, attrs, this.versions.get(domainOf(node.domain)) ?? 1);
    const rule = ONNX_RULES[foreign.op];
    if (rule === undefined) throw this.fault('UNSUPPORTED', `${foreign.op} is not imported`);
    return applyRule(this.builder, rule, foreign) ?? defer(this.builder, 'onnx', foreign);
  }

  /** A module comes with all that hold it: where it is known, so are they. */
  private declareModule(scope: string): void {
    const { modules } = this.builder.graph;
    if (modules.has(scope)) return;
    for (const path of pathsAbove(scope)) if (!modules.has(path)) modules.set(path, 'Module');
  }

  /** Both branches are put in, and `prim::If` picks; a constant condition takes the branch itself. */
  private branches(node: NodeProto, inputs: readonly (Value | null)[], names: Names): readonly Value[] {
    const condition = inputs[0] as Value;
    const known = this.builder.tensor(condition)?.raw.data[0];
    const branch = (name: string): readonly Value[] => this.subgraph(this.graphOf(node, name), names, []);
    if (known !== undefined) return branch(Number(known) === 0 ? 'else_branch' : 'then_branch');
    const [then, otherwise] = [branch('then_branch'), branch('else_branch')];
    return then.map((value, i) => {
      const other = otherwise[i];
      if (other === undefined) throw this.fault('INVALID_FILE', 'its branches have different numbers of outputs');
      const dtype = this.builder.dtype(value) as never;
      return this.builder.insert(IF, [condition, value, other], {}, [{ dtype, dims: null }])[0] as Value;
    });
  }

  /** Unrolled: the trip count must be constant, and the condition constantly true. Scan outputs are stacked. */
  private loop(
    node: NodeProto,
    [trips, condition, ...initial]: readonly (Value | null)[],
    names: Names,
  ): readonly Value[] {
    const body = this.graphOf(node, 'body');
    const count = trips ? scalarOf(this.builder, trips) : null;
    if (count === null)
      throw this.fault(
        'UNSUPPORTED',
        'its trip count is computed at run time, or absent; only constant ones are unrolled',
      );
    // An iteration counts as a node, so that an empty body does not run for ever, nor loops within loops.
    if (!(count * Math.max(1, body.node.length) <= MAX_NODES))
      throw this.fault('UNSUPPORTED', `a loop of ${count} iterations is too long to unroll`);
    const carried = body.output.length - 1;
    let state = initial.map((value) => value as Value);
    const scans: Value[][] = Array.from({ length: Math.max(0, carried - state.length) }, () => []);
    let more: Value | null = condition ?? null;
    for (let i = 0; i < count; i++) {
      const going = more === null ? 1 : scalarOf(this.builder, more);
      if (going === null) throw this.fault('UNSUPPORTED', 'its condition is computed at run time');
      if (going === 0) break;
      this.countNode();
      const truth = more ?? this.builder.constant(stacked.truth());
      const results = this.subgraph(body, names, [this.builder.constant(stacked.index(i)), truth, ...state]);
      more = results[0] as Value;
      state = results.slice(1, 1 + state.length);
      for (const [s, value] of results.slice(1 + state.length).entries()) scans[s]?.push(value);
    }
    return [...state, ...scans.map((values) => stacked.of(this.builder, values))];
  }

  private subgraph(graph: GraphProto, outer: Names, inputs: readonly Value[]): readonly Value[] {
    const names = this.scopeOf(graph, outer);
    graph.input.forEach(({ name }, i) => {
      if (inputs[i] !== undefined) names.set(name, inputs[i]);
    });
    this.body(graph, names);
    return graph.output.map(({ name }) => this.value(name, names, `output '${name}' of a sub-graph`));
  }

  private graphOf(node: NodeProto, name: string): GraphProto {
    const found = node.attribute.find((attribute) => attribute.name === name);
    if (found?.type === AttributeProto_AttributeType.GRAPH && found.g !== undefined) return found.g;
    throw this.fault('INVALID_FILE', `its sub-graph '${name}' is missing`);
  }

  // What is refused

  private checkVersions(): void {
    const version = this.versions.get('');
    if (version !== undefined && (version < 11 || version > 24)) {
      throw this.fault(
        'UNSUPPORTED',
        `operator set ${version}; 11 to 24 are imported (onnx.version_converter converts older ones)`,
      );
    }
  }

  /** All operators that have no rule, at once. */
  private checkOperators(graph: GraphProto): void {
    const unknown = new Map<string, { count: number; first: string }>();
    visitNodes(graph, (node) => {
      const op = operatorOf(node);
      if (Object.hasOwn(ONNX_RULES, op) || CONTROL.has(op)) return;
      const entry = unknown.get(op) ?? { count: 0, first: labelOf(node) };
      entry.count++;
      unknown.set(op, entry);
    });
    if (unknown.size === 0) return;
    const known = [...Object.keys(ONNX_RULES), ...CONTROL];
    const list = [...unknown].map(
      ([op, { count, first }]) => `${op} (${count} of them, the first ${first})${didYouMean(op, known)}`,
    );
    throw this.fault('UNSUPPORTED', `operators that are not imported: ${list.join(', ')}`);
  }

  /** A node's outputs; errors name it and the file. */
  private guarded(node: NodeProto, names: Names): readonly Value[] {
    try {
      return this.node(node, names);
    } catch (error) {
      if (!isOctavoError(error)) throw error;
      if (error.message.startsWith(this.file.source)) throw error;
      const label = labelOf(node);
      const inner = error.message.startsWith(label) ? error : labelled(error, label);
      throw new OctavoError(inner.code, `${this.file.source}: ${inner.message}`, {
        cause: error,
        details: inner.details,
      });
    }
  }

  private fault(code: 'INVALID_FILE' | 'UNSUPPORTED', why: string): OctavoError {
    return new OctavoError(code, `${this.file.source}: ${why}`, { details: { source: this.file.source } });
  }
}

/** A node as rules ask for it. What messages call it is put together when one is wanted. */
class OnnxNode implements ForeignNode {
  readonly op: string;
  readonly outputs: number;

  constructor(
    private readonly proto: NodeProto,
    readonly inputs: readonly (Value | null)[],
    readonly attrs: Attributes,
    readonly version: number,
  ) {
    this.op = operatorOf(proto);
    this.outputs = proto.output.findLastIndex((name) => name !== '') + 1;
  }

  get label(): string {
    return labelOf(this.proto);
  }
}

function domainOf(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function operatorOf({ domain, opType }: NodeProto): string {
  return domainOf(domain) === '' ? opType : `${domain}::${opType}`;
}

/** `Conv '/layer1/conv/Conv'`, or by the first output where the node has no name. */
function labelOf(node: NodeProto): string {
  const name =
    node.name !== '' ? `'${node.name}'` : `that makes '${node.output.find((output) => output !== '') ?? ''}'`;
  return `${operatorOf(node)} ${name}`;
}

function visitNodes(graph: GraphProto, visit: (node: NodeProto) => void): void {
  for (const node of graph.node) {
    visit(node);
    for (const { g } of node.attribute) if (g !== undefined) visitNodes(g, visit);
  }
}
