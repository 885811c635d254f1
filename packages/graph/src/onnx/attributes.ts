import { OctavoError } from '@octavo/core';
import type { Attributes, AttributeValue } from '../ir/attributes.js';
import type { ExternalData } from './external-data.js';
import { type AttributeProto, AttributeProto_AttributeType as Kind, type NodeProto } from './gen/onnx_pb.js';
import { tensorOf } from './tensors.js';

const text = new TextDecoder();

/** A node's attributes as the graph's: numbers, lists, texts and tensors. Lists of texts become JSON. */
export function attributesOf({ attribute }: NodeProto, external: ExternalData, source: string): Attributes {
  if (attribute.length === 0) return NONE;
  return Object.fromEntries(
    attribute
      .filter((proto) => proto.type !== Kind.GRAPH)
      .map((proto) => [proto.name, valueOfAttribute(proto, external, source)]),
  );
}

const NONE: Attributes = Object.freeze({});

function valueOfAttribute(proto: AttributeProto, external: ExternalData, source: string): AttributeValue {
  const read = READERS[proto.type];
  if (proto.refAttrName !== '' || read === undefined) {
    throw new OctavoError('UNSUPPORTED', `attribute '${proto.name}' is of a kind that is not imported`);
  }
  return read(proto, external, source);
}

type Reader = (proto: AttributeProto, external: ExternalData, source: string) => AttributeValue;

const READERS: Partial<Record<Kind, Reader>> = {
  [Kind.FLOAT]: ({ f }) => f,
  [Kind.INT]: ({ i }) => whole(i),
  [Kind.STRING]: ({ s }) => text.decode(s),
  [Kind.TENSOR]: ({ t, name }, external, source) => {
    if (t === undefined) throw new OctavoError('INVALID_FILE', `attribute '${name}' holds no tensor`);
    return tensorOf(t, external, source);
  },
  [Kind.FLOATS]: ({ floats }) => floats,
  [Kind.INTS]: ({ ints }) => ints.map(whole),
  [Kind.STRINGS]: ({ strings }) => JSON.stringify(strings.map((s) => text.decode(s))),
};

/** int64's ends stand for no limit and become those of safe integers. */
function whole(value: bigint): number {
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(value)));
}
