import { OctavoError } from '@octavo/core';
import type { Graph } from '../../ir/graph.js';
import { CONSTANT, GET_ATTR } from '../../ir/leaf-nodes.js';
import type { Node } from '../../ir/node.js';
import { OBSERVE } from '../../ir/observer-spec.js';
import type { Value } from '../../ir/value.js';
import type { DynamicAxes, ExportOnnxOptions } from './export-onnx.js';
import { ModelWriter, type OnnxDims } from './model-writer.js';
import { ExportContext, type ExportState, storageType } from './rule.js';
import { foreign } from './rules/foreign.js';
import { EXPORT_RULES } from './rules/index.js';

/** The bytes of the model that `exportOnnx` writes where its weights lie within. */
export function encodeOnnx(graph: Graph, options: Pick<ExportOnnxOptions, 'dynamicAxes'> = {}): Uint8Array {
  return writtenModel(graph, options).encode();
}

/** The model of a graph, before its bytes are laid out. */
export function writtenModel(graph: Graph, { dynamicAxes }: Pick<ExportOnnxOptions, 'dynamicAxes'>): ModelWriter {
  checkAxes(graph, dynamicAxes);
  const writer = new ModelWriter(graph.name);
  writer.reserve([...graph.inputNames, ...graph.outputNames]);
  const state: ExportState = { writer, named: new Map(), derived: new Map() };
  for (const input of graph.inputs) {
    writer.addInput(input.hint, storageType(input), dynamicAxes ? named(input, dynamicAxes) : usual(graph, input));
    state.named.set(input, input.hint);
  }
  for (const node of graph.nodes()) if (node.op !== CONSTANT && node.op !== GET_ATTR) writeNode(node, state);
  writer.within('');
  const taken = new Set(graph.inputNames);
  for (const { name, value } of graph.outputs) {
    if (taken.has(name)) {
      throw new OctavoError(
        'UNSUPPORTED',
        `[exportOnnx] ONNX has one '${name}': an input and an output share the name`,
      );
    }
    const source = new ExportContext(graph.returnNode, state).name(value);
    writer.op('Identity', [source], {}, name);
    writer.addOutput(name, storageType(value), null);
  }
  return writer;
}

function writeNode(node: Node, state: ExportState): void {
  const context = new ExportContext(node, state);
  if (node.op === OBSERVE) {
    throw new OctavoError('INVALID_ARGUMENT', '[exportOnnx] this graph is prepared, not finished: convert it first');
  }
  const rule = Object.hasOwn(EXPORT_RULES, node.op)
    ? EXPORT_RULES[node.op]
    : node.op.startsWith('onnx::')
      ? foreign
      : undefined;
  if (rule === undefined) throw context.unsupported('no rule writes it');
  state.writer.within(node.scope);
  const names = rule(context);
  node.outputs.forEach((output, i) => {
    state.named.set(output, typeof names === 'string' ? names : (names[i] as string));
  });
}

function checkAxes(graph: Graph, axes: DynamicAxes = {}): void {
  const known = graph.inputNames;
  const wrong = Object.keys(axes).find((name) => !known.includes(name));
  if (wrong === undefined) return;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `[exportOnnx] dynamicAxes names '${wrong}', which is no input; the inputs are ${known.join(', ')}`,
  );
}

function dimsOf({ type }: Value): readonly number[] | null {
  return type.kind === 'tensor' ? type.dims : null;
}

function named(input: Value, axes: DynamicAxes): OnnxDims {
  const own = axes[input.hint] ?? {};
  return dimsOf(input)?.map((dim, axis) => own[axis] ?? dim) ?? null;
}

function usual({ fixedBy }: Graph, input: Value): OnnxDims {
  const dims = dimsOf(input);
  if (dims === null || fixedBy !== null) return dims;
  const tokens = input.type.kind === 'tensor' && input.type.dtype === 'int64' && dims.length === 2;
  return dims.map((dim, axis) => (axis === 0 ? 'batch' : tokens && axis === 1 ? 'length' : dim));
}
