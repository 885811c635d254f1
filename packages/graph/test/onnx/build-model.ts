import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from '../../src/onnx/gen/onnx_pb.js';

process.env.OCTAVO_BACKEND ??= 'reference';

type AttributeInput =
  | number
  | readonly number[]
  | string
  | GraphProto
  | { float: number }
  | { floats: readonly number[] }
  | { texts: readonly string[] };

export interface NodeInput {
  op: string;
  in: readonly string[];
  out: readonly string[];
  name?: string;
  domain?: string;
  attrs?: Record<string, AttributeInput>;
}

export interface GraphInput {
  /** Dims by input name; a text is a dynamic axis. Element type 1 (float) unless `types` says otherwise. */
  inputs?: Record<string, readonly (number | string)[]>;
  types?: Record<string, number>;
  initializers?: readonly TensorProto[];
  nodes: readonly NodeInput[];
  outputs: readonly string[];
}

/** An initializer of plain numbers: float (1) or int64 (7). */
export function tensorProto(
  name: string,
  dims: readonly number[],
  values: readonly number[],
  dataType = 1,
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType,
    dims: dims.map(BigInt),
    ...(dataType === 7
      ? { int64Data: values.map(BigInt) }
      : dataType === 1
        ? { floatData: [...values] }
        : { int32Data: [...values] }),
  });
}

export function graphProto({ inputs = {}, types = {}, initializers = [], nodes, outputs }: GraphInput): GraphProto {
  return create(GraphProtoSchema, {
    name: 'main',
    initializer: [...initializers],
    input: Object.entries(inputs).map(([name, dims]) => ({
      name,
      type: {
        value: {
          case: 'tensorType' as const,
          value: {
            elemType: types[name] ?? 1,
            shape: {
              dim: dims.map((dim) => ({
                value:
                  typeof dim === 'number'
                    ? { case: 'dimValue' as const, value: BigInt(dim) }
                    : { case: 'dimParam' as const, value: dim },
              })),
            },
          },
        },
      },
    })),
    node: nodes.map((node) => ({
      opType: node.op,
      name: node.name ?? '',
      domain: node.domain ?? '',
      input: [...node.in],
      output: [...node.out],
      attribute: Object.entries(node.attrs ?? {}).map(([name, value]) => ({ name, ...attribute(value) })),
    })),
    output: outputs.map((name) => ({ name })),
  });
}

/** The bytes of a model of one graph. */
export function modelBytes(graph: GraphInput, opset = 17): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [
        { domain: '', version: BigInt(opset) },
        { domain: 'com.microsoft', version: 1n },
      ],
      graph: graphProto(graph),
    }),
  );
}

function attribute(value: AttributeInput) {
  const Kind = AttributeProto_AttributeType;
  if (typeof value === 'number') return { type: Kind.INT, i: BigInt(value) };
  if (typeof value === 'string') return { type: Kind.STRING, s: new TextEncoder().encode(value) };
  if (Array.isArray(value)) return { type: Kind.INTS, ints: value.map(BigInt) };
  if ('float' in value) return { type: Kind.FLOAT, f: value.float };
  if ('floats' in value) return { type: Kind.FLOATS, floats: [...value.floats] };
  if ('texts' in value)
    return { type: Kind.STRINGS, strings: value.texts.map((text) => new TextEncoder().encode(text)) };
  return { type: Kind.GRAPH, g: value as GraphProto };
}
