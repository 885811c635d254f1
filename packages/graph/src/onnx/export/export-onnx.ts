import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { OctavoError } from '@octavo/core';
import type { Graph } from '../../ir/graph.js';
import { CONSTANT, GET_ATTR } from '../../ir/leaf-nodes.js';
import type { Node } from '../../ir/node.js';
import { OBSERVE } from '../../ir/observer-spec.js';
import type { Value } from '../../ir/value.js';
import { ModelWriter, type OnnxDims } from './model-writer.js';
import { ExportContext, type ExportState, storageType } from './rule.js';
import { foreign } from './rules/foreign.js';
import { EXPORT_RULES } from './rules/index.js';

/** Names of the dims that may differ from run to run: by input, then by axis. */
export type DynamicAxes = Readonly<Record<string, Readonly<Record<number, string>>>>;

export interface ExportOnnxOptions {
  /**
   * Dims with a name instead of a number, as `torch.onnx.export` has them: `{ ids: { 0: 'batch', 1: 'length' } }`. Left
   * out, the first dim of every input is `batch` and the second of token inputs (int64 of two dims) is `length`; a
   * graph whose code read dims has numbers only.
   */
  dynamicAxes?: DynamicAxes;
  /**
   * From how many bytes of weights on they go into a file beside the model, `<model>.data` (ONNX's external data): 1.9e9
   * where it is left out, as a model holds less than 2 GiB; 0 for always. The two files belong together.
   */
  externalDataFrom?: number;
}

/** Below protobuf's 2^31 - 1 bytes, with room for the nodes. */
const EXTERNAL_DATA_FROM = 1.9e9;

/**
 * Writes a graph as an ONNX model of opset 17 that ONNX Runtime and transformers.js open, whole or not at all: under a
 * temporary name, then renamed. Returns the size in bytes, with that of external data.
 *
 * Float graphs become ONNX's float operators. Static int8 ops become float operators between DequantizeLinear and
 * QuantizeLinear, with int8 weights (per channel) and int32 biases; dynamic linears become DynamicQuantizeLinear and
 * MatMulInteger. ONNX Runtime runs both in int8. Dynamic LSTMs become its DynamicQuantizeLSTM, whose ranges are those of
 * tensors; dynamic GRUs and RNNs, which it has no int8 operator for, the float ones over weights that stay int8. On CPUs
 * without VNNI its kernels add pairs of products in 16 bits: the presets' reduced range (7 bits) fits them; for a full
 * range open the model with `session.x64quantprecision` 1.
 *
 * UNSUPPORTED names an op without an ONNX form; INVALID_ARGUMENT an unknown input in `dynamicAxes`, or a prepared graph.
 */
export async function exportOnnx(graph: Graph, file: string, options: ExportOnnxOptions = {}): Promise<number> {
  const { externalDataFrom = EXTERNAL_DATA_FROM } = options;
  if (!(externalDataFrom >= 0)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[exportOnnx] externalDataFrom must be 0 bytes or more, got ${externalDataFrom}`,
    );
  }
  const writer = writtenModel(graph, options);
  const pieces = writer.dataBytes >= externalDataFrom ? writer.moveData(`${basename(file)}.data`) : [];
  const model = writer.encode();
  const data = `${file}.data`;
  const files: readonly (readonly [path: string, pieces: readonly Uint8Array[]])[] =
    pieces.length > 0
      ? [
          [data, pieces],
          [file, [model]],
        ]
      : [[file, [model]]];
  await writeTogether(files);
  return files.reduce((sum, [, parts]) => parts.reduce((bytes, part) => bytes + part.length, sum), 0);
}

/** Writes files under temporary names, then renames them in order; where one cannot be written, none is. */
async function writeTogether(
  files: readonly (readonly [path: string, pieces: readonly Uint8Array[]])[],
): Promise<void> {
  const suffix = `.${randomBytes(6).toString('hex')}.tmp`;
  try {
    for (const [path, pieces] of files) await writeFile(`${path}${suffix}`, pieces, { flag: 'wx' });
    for (const [path] of files) await rename(`${path}${suffix}`, path);
  } catch (cause) {
    for (const [path] of files) await rm(`${path}${suffix}`, { force: true });
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing
      ? 'its folder does not exist; create it first'
      : `it cannot be written (${(cause as Error).message})`;
    throw new OctavoError(missing ? 'FILE_NOT_FOUND' : 'INVALID_FILE', `${files.at(-1)?.[0]}: ${why}`, { cause });
  }
}

/** The bytes of the model that `exportOnnx` writes where its weights lie within. */
export function encodeOnnx(graph: Graph, options: Pick<ExportOnnxOptions, 'dynamicAxes'> = {}): Uint8Array {
  return writtenModel(graph, options).encode();
}

function writtenModel(graph: Graph, { dynamicAxes }: Pick<ExportOnnxOptions, 'dynamicAxes'>): ModelWriter {
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
