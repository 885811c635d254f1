import {
  ACTIVATIONS,
  type DType,
  OctavoError,
  type Operand,
  type QParams,
  QUANTIZED_DTYPES,
  type Tensor,
} from '@octavo/core';
import { attributeName, GET_ATTR, leafOperand, leafTensor } from '../../ir/leaf-nodes.js';
import type { Node } from '../../ir/node.js';
import { staticQParams } from '../../ir/static-qparams.js';
import type { Value } from '../../ir/value.js';
import type { ModelWriter } from './model-writer.js';

/** Writes one node as ONNX nodes and gives the names of its outputs. */
export type ExportRule = (n: ExportContext) => string | readonly string[];

/** What the exported parts of a graph share. */
export interface ExportState {
  readonly writer: ModelWriter;
  /** ONNX names of the values written so far. */
  readonly named: Map<Value, string>;
  /** Things derived from values or weights, by a key that says what: transposed weights, codes of an activation. */
  readonly derived: Map<string, readonly string[]>;
}

/** One node as a rule sees it: its operands by their ONNX names, its attributes, and the writer. */
export class ExportContext {
  readonly writer: ModelWriter;

  constructor(
    readonly node: Node,
    private readonly state: ExportState,
    private readonly replaced: readonly string[] = [],
  ) {
    this.writer = state.writer;
  }

  has(index: number): boolean {
    return Boolean(this.node.inputs[index]);
  }

  /** The ONNX name of an operand; a leaf becomes an initializer when it is read first. */
  input(index: number): string {
    return this.replaced[index] ?? this.name(this.node.input(index));
  }

  /** The same node, reading other values in the place of its first operands. */
  reading(names: readonly string[]): ExportContext {
    return new ExportContext(this.node, this.state, names);
  }

  name(value: Value): string {
    const known = this.state.named.get(value);
    if (known !== undefined) return known;
    const tensor = leafTensor(value);
    if (tensor === undefined) throw this.unsupported('it reads packed weights that only int8 ops have');
    const name = this.writer.initializer(leafName(value), tensor);
    this.state.named.set(value, name);
    return name;
  }

  /** What initializers that hold a leaf, or what was made of it, are called. */
  nameOf(value: Value): string {
    return leafName(value);
  }

  /** What a leaf operand holds: packed weights among others. */
  leaf(index: number): { readonly name: string; readonly operand: Operand } {
    const value = this.node.input(index);
    const operand = leafOperand(value);
    if (operand === undefined) throw this.unsupported(`operand ${index} is computed at run time`);
    return { name: leafName(value), operand };
  }

  tensor(index: number): { readonly name: string; readonly tensor: Tensor } | undefined {
    const value = this.node.input(index);
    const tensor = leafTensor(value);
    return tensor && { name: leafName(value), tensor };
  }

  number(name: string, fallback = 0): number {
    const value = this.node.attrs[name];
    return typeof value === 'number' ? value : fallback;
  }

  list(name: string): readonly number[] {
    const value = this.node.attrs[name];
    return Array.isArray(value) ? value : [];
  }

  /** The dims of an operand as they were when the graph was made, or null. */
  dims(index: number): readonly number[] | null {
    const { type } = this.node.input(index);
    return type.kind === 'tensor' ? type.dims : null;
  }

  dtype(value: Value): DType {
    return storageType(value);
  }

  /** Writes something once, however many nodes ask for it. */
  once(key: string, write: () => readonly string[]): readonly string[] {
    const known = this.state.derived.get(key);
    if (known !== undefined) return known;
    const names = write();
    this.state.derived.set(key, names);
    return names;
  }

  /** The scale and zero point of an operand or of the result. */
  qparams(value: Value): QParams {
    const qparams = staticQParams(value);
    if (qparams === undefined) throw this.unsupported('the scale of its codes is computed at run time');
    return qparams;
  }

  /** `y` behind the op's own fused activation. */
  activated(y: string): string {
    const code = this.number('activation', ACTIVATIONS.none.code);
    const { writer } = this;
    if (code === ACTIVATIONS.relu.code) return writer.op('Relu', [y]);
    if (code === ACTIVATIONS.relu6.code) return writer.op('Clip', [y, writer.scalar(0), writer.scalar(6)]);
    if (code === ACTIVATIONS.gelu.code) return gelu(writer, y);
    if (code === ACTIVATIONS.geluTanh.code) return geluTanh(writer, y);
    return y;
  }

  unsupported(why: string): OctavoError {
    const { op, scope } = this.node;
    const place = scope === '' ? '' : ` in module '${scope}'`;
    return new OctavoError('UNSUPPORTED', `[exportOnnx] ${op}${place} has no ONNX form: ${why}`, {
      details: { op, module: scope },
    });
  }
}

/** x * 0.5 * (1 + erf(x / sqrt(2))): the form that ONNX Runtime and `importOnnx` recognise as one op. */
export function gelu(writer: ModelWriter, x: string): string {
  const erf = writer.op('Erf', [writer.op('Div', [x, writer.scalar(Math.SQRT2)])]);
  return writer.op('Mul', [writer.op('Mul', [x, writer.op('Add', [erf, writer.scalar(1)])]), writer.scalar(0.5)]);
}

/** x * 0.5 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x^3))), as PyTorch writes it. */
export function geluTanh(writer: ModelWriter, x: string): string {
  const scaled = (value: string, factor: number): string => writer.op('Mul', [value, writer.scalar(factor)]);
  const cube = writer.op('Mul', [writer.op('Mul', [x, x]), x]);
  const inner = scaled(writer.op('Add', [x, scaled(cube, 0.044715)]), Math.sqrt(2 / Math.PI));
  return writer.op('Mul', [scaled(x, 0.5), writer.op('Add', [writer.op('Tanh', [inner]), writer.scalar(1)])]);
}

/** The dtype that holds a value's elements, or its codes. */
export function storageType({ type }: Value): DType {
  if (type.kind === 'packed') throw new OctavoError('UNSUPPORTED', '[exportOnnx] packed weights are no ONNX value');
  const quantized = QUANTIZED_DTYPES as Readonly<Record<string, { readonly storage: DType }>>;
  return Object.hasOwn(quantized, type.dtype)
    ? (quantized[type.dtype] as { storage: DType }).storage
    : (type.dtype as DType);
}

function leafName(value: Value): string {
  return value.node.op === GET_ATTR ? attributeName(value.node) : 'constant';
}
