import { create, toBinary } from '@bufbuild/protobuf';
import { type DType, Tensor } from '@octavo/core';
import {
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from '../gen/onnx_pb.js';

/** The operator set of exported models: the first with LayerNormalization, which ONNX Runtime 1.13 and later open. */
const OPSET = 17n;
/** Of opset 17 (ONNX 1.12). */
const IR_VERSION = 8n;
/** Where external data of a tensor begin: ONNX advises whole pages, so that they can be mapped into memory. */
const ALIGNMENT = 4096;
/** Smaller tensors stay in the model, as in `onnx.save_model`: shapes and axes are looked at before anything runs. */
const SMALLEST_EXTERNAL = 1024;

/** ONNX's codes of the dtypes (TensorProto.DataType). */
export const ONNX_TYPES: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};

/** A whole number is INT and a list of them INTS; what is neither says so. */
export type OnnxAttribute =
  | number
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly tensor: Tensor };

/** A dim is a number, a name for one that is known when the model runs, or a list is null where even the rank is not. */
export type OnnxDims = readonly (number | string)[] | null;

/** An ONNX graph that is being written, value by value; every tensor is stored once, whoever reads it. */
export class ModelWriter {
  private readonly nodes: NodeProto[] = [];
  private readonly initializers = new Map<string, TensorProto>();
  private readonly names = new Set<string>();
  private readonly stored = new Map<Tensor, string>();
  private readonly constants = new Map<string, string>();
  private readonly inputs: ValueInfoProto[] = [];
  private readonly outputs: ValueInfoProto[] = [];
  private scope = '';

  /** Domains of operators that are not ONNX's own. */
  private readonly domains = new Set<string>();

  constructor(private readonly name: string) {}

  /** Names of inputs and outputs, which no other value may take. */
  reserve(names: Iterable<string>): void {
    for (const name of names) this.names.add(name);
  }

  /** What the names of the nodes that follow begin with: the path of their module. */
  within(scope: string): void {
    this.scope = scope;
  }

  addInput(name: string, dtype: DType, dims: OnnxDims): void {
    this.inputs.push(valueInfo(name, dtype, dims));
  }

  addOutput(name: string, dtype: DType, dims: OnnxDims): void {
    this.outputs.push(valueInfo(name, dtype, dims));
  }

  /**
   * A node of one output, whose name it gives back: `output`, or one that nothing else has. Operators of another domain
   * have it in front: `com.microsoft::DynamicQuantizeLSTM`.
   */
  op(type: string, inputs: readonly string[], attrs: Record<string, OnnxAttribute> = {}, output?: string): string {
    const name = output ?? this.free(this.hintOf(type));
    this.add(type, inputs, [name], attrs);
    return name;
  }

  /** A node of `count` outputs. */
  ops(type: string, inputs: readonly string[], count: number, attrs: Record<string, OnnxAttribute> = {}): string[] {
    const outputs = Array.from({ length: count }, () => this.free(this.hintOf(type)));
    this.add(type, inputs, outputs, attrs);
    return outputs;
  }

  /** An initializer: the same tensor object is stored once. What a packed weight held has its name without the packing. */
  initializer(hint: string, tensor: Tensor): string {
    const known = this.stored.get(tensor);
    if (known !== undefined) return known;
    const name = this.free(hint.replace(/_packed_params\./, ''));
    this.initializers.set(name, tensorProto(name, tensor));
    this.stored.set(tensor, name);
    return name;
  }

  /** A small initializer by its content: equal ones are one. */
  constant(dtype: DType, values: readonly number[], dims: readonly number[]): string {
    const key = `${dtype} [${dims}] ${values.map((value) => (Object.is(value, -0) ? '-0' : value))}`;
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const tensor = Tensor.from(values, { dtype });
    const name = this.initializer('constant', new Tensor(dtype, tensor.raw.data as never, [...dims]));
    this.constants.set(key, name);
    return name;
  }

  scalar(value: number, dtype: DType = 'float32'): string {
    return this.constant(dtype, [value], []);
  }

  /** An int64 vector: axes, shapes, sizes. */
  ints(values: readonly number[]): string {
    return this.constant('int64', values, [values.length]);
  }

  /** Bytes of all initializers. */
  get dataBytes(): number {
    return [...this.initializers.values()].reduce((sum, { rawData }) => sum + rawData.length, 0);
  }

  /**
   * Takes the large initializers out of the model: it then says where in the file `location`, beside it, they lie. Gives
   * the pieces of that file in order.
   */
  moveData(location: string): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let offset = 0;
    for (const tensor of this.initializers.values()) {
      const { rawData } = tensor;
      if (rawData.length < SMALLEST_EXTERNAL) continue;
      const padding = (ALIGNMENT - (offset % ALIGNMENT)) % ALIGNMENT;
      pieces.push(new Uint8Array(padding), rawData);
      offset += padding;
      const entries = Object.entries({ location, offset, length: rawData.length });
      tensor.externalData = entries.map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value: `${value}` }),
      );
      tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
      tensor.rawData = new Uint8Array();
      offset += rawData.length;
    }
    return pieces;
  }

  encode(): Uint8Array {
    return toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion: IR_VERSION,
        producerName: 'octavo',
        opsetImport: [{ domain: '', version: OPSET }, ...[...this.domains].map((domain) => ({ domain, version: 1n }))],
        graph: {
          name: this.name,
          node: this.nodes,
          initializer: [...this.initializers.values()],
          input: this.inputs,
          output: this.outputs,
        },
      }),
    );
  }

  private add(
    type: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attrs: Record<string, OnnxAttribute>,
  ): void {
    const [domain, opType] = split(type);
    if (domain !== '') this.domains.add(domain);
    const node = {
      opType,
      domain,
      name: `/${this.scope === '' ? '' : `${this.scope}/`}${opType}_${this.nodes.length}`,
      input: [...inputs],
      output: [...outputs],
      attribute: Object.entries(attrs).map(([name, value]) => ({ name, ...attribute(value) })),
    };
    this.nodes.push(create(NodeProtoSchema, node));
  }

  private hintOf(type: string): string {
    const [, opType] = split(type);
    return this.scope === '' ? opType : `${this.scope}.${opType}`;
  }

  private free(hint: string): string {
    let name = hint;
    for (let i = this.names.size; this.names.has(name); i++) name = `${hint}_${i}`;
    this.names.add(name);
    return name;
  }
}

/** The domain of an operator, '' for ONNX's own, and its type. */
function split(type: string): [domain: string, opType: string] {
  const at = type.indexOf('::');
  return at < 0 ? ['', type] : [type.slice(0, at), type.slice(at + 2)];
}

function tensorProto(name: string, { type, raw }: Tensor): TensorProto {
  const rawData = new Uint8Array(raw.data.buffer, raw.data.byteOffset, raw.data.byteLength);
  return create(TensorProtoSchema, { name, dataType: ONNX_TYPES[type], dims: raw.dims.map(BigInt), rawData });
}

function attribute(value: OnnxAttribute) {
  if (typeof value === 'number') return { type: Kind.INT, i: BigInt(value) };
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  if ('tensor' in value) return { type: Kind.TENSOR, t: tensorProto('', value.tensor) };
  if ('texts' in value) return { type: Kind.STRINGS, strings: value.texts.map(utf8) };
  if ('text' in value) return { type: Kind.STRING, s: utf8(value.text) };
  if ('float' in value) return { type: Kind.FLOAT, f: value.float };
  if ('floats' in value) return { type: Kind.FLOATS, floats: [...value.floats] };
  return { type: Kind.INTS, ints: value.map(BigInt) };
}

function valueInfo(name: string, dtype: DType, dims: OnnxDims): ValueInfoProto {
  const dim = dims?.map((size) => ({
    value:
      typeof size === 'number'
        ? { case: 'dimValue' as const, value: BigInt(size) }
        : { case: 'dimParam' as const, value: size },
  }));
  const value = { elemType: ONNX_TYPES[dtype], ...(dim && { shape: { dim } }) };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } });
}
