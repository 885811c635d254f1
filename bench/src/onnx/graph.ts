import { Message } from './protobuf.js';

// ONNX files by the field numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.

const IR_VERSION = 8;
/** The first with LayerNormalization. */
const OPSET = 17;

/** TensorProto.DataType. */
export const ELEMENT_TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
export type ElementType = keyof typeof ELEMENT_TYPES;

export interface OnnxTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;
}

/** An integer, a list of integers, or a float. */
export type Attribute = number | readonly number[] | { readonly float: number };

/** AttributeProto.AttributeType. */
const ATTRIBUTE_TYPES = { float: 1, integer: 2, integers: 7 } as const;

/** A graph under construction. Values are names; weights are kept by reference until `encode`. */
export class OnnxGraph {
  private readonly graph = new Message().text(2, 'main');
  private readonly initializers = new Set<string>();
  private nodes = 0;

  /** `dims` takes names for sizes that a run decides. */
  input(name: string, type: ElementType, dims: readonly (number | string)[]): string {
    this.graph.message(11, valueInfo(name, type, dims));
    return name;
  }

  output(name: string, type: ElementType, dims: readonly (number | string)[]): void {
    this.graph.message(12, valueInfo(name, type, dims));
  }

  /** Tells a value's shape where the runtime could not infer it; some of its fusions need to know. */
  describe(name: string, type: ElementType, dims: readonly (number | string)[]): string {
    this.graph.message(13, valueInfo(name, type, dims));
    return name;
  }

  /** A weight. Asking again for a name that is there already is fine. */
  initializer(name: string, { type, dims, data }: OnnxTensor): string {
    if (this.initializers.has(name)) return name;
    this.initializers.add(name);
    const tensor = new Message();
    for (const dim of dims) tensor.integer(1, dim);
    this.graph.message(5, tensor.integer(2, ELEMENT_TYPES[type]).text(8, name).bytes(9, data));
    return name;
  }

  /** A float32 number without dims. */
  scalar(value: number): string {
    return this.initializer(`scalar_${value}`, { type: 'float32', dims: [], data: Float32Array.of(value) });
  }

  /** A list of int64: axes, shapes, bounds. */
  integers(...values: number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.initializer(`integers_${values.join('_')}`, { type: 'int64', dims: [values.length], data });
  }

  /** Adds a node; returns its only output, named `as` or after the op. */
  node(op: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}, as?: string): string {
    const output = as ?? `${op}_${this.nodes}`;
    this.nodeWith([output], op, inputs, attributes);
    return output;
  }

  /** Adds a node of several outputs; `domain` is that of ONNX where it is left out. */
  nodeWith(
    outputs: readonly string[],
    op: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
    domain: '' | 'com.microsoft' = '',
  ): void {
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    for (const output of outputs) node.text(2, output);
    node.text(3, `${op}_${this.nodes++}`).text(4, op);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attributeOf(name, value));
    if (domain !== '') node.text(7, domain);
    this.graph.message(1, node);
  }

  encode(): Uint8Array {
    const opset = new Message().text(1, '').integer(2, OPSET);
    return new Message()
      .integer(1, IR_VERSION)
      .text(2, 'octavo-bench')
      .message(7, this.graph)
      .message(8, opset)
      .message(8, new Message().text(1, 'com.microsoft').integer(2, 1))
      .toBytes();
  }
}

function valueInfo(name: string, type: ElementType, dims: readonly (number | string)[]): Message {
  const shape = new Message();
  for (const dim of dims) {
    shape.message(1, typeof dim === 'number' ? new Message().integer(1, dim) : new Message().text(2, dim));
  }
  const tensor = new Message().integer(1, ELEMENT_TYPES[type]).message(2, shape);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

function attributeOf(name: string, value: Attribute): Message {
  const attribute = new Message().text(1, name);
  if (typeof value === 'number') return attribute.integer(3, value).integer(20, ATTRIBUTE_TYPES.integer);
  if ('float' in value) return attribute.float(2, value.float).integer(20, ATTRIBUTE_TYPES.float);
  for (const integer of value) attribute.integer(8, integer);
  return attribute.integer(20, ATTRIBUTE_TYPES.integers);
}
