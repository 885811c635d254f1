import type { Tensor } from '@octavo/core';
import type { AttributeValue } from '../ir/attributes.js';
import type { Graph } from '../ir/graph.js';
import type { Value } from '../ir/value.js';
import { type ElementType, PACKED, TYPE_NAMES, tensorType, type ValueType } from '../ir/value-type.js';
import type { JsonReader } from './json-reader.js';

/** The tensors of a file by name. */
export type FileTensors = Readonly<Record<string, Tensor>>;

const ELEMENT_TYPES = Object.keys(TYPE_NAMES) as ElementType[];
/** Ids are counted on from the largest: one that leaves no room for that is refused. */
const MAX_ID = 2 ** 40;

/** Puts inputs, nodes and outputs into a graph, in the file's order and with the file's ids. */
export class NodeDecoder {
  private readonly graph: Graph;
  private readonly tensors: FileTensors;
  private readonly values = new Map<number, Value>();

  constructor(graph: Graph, tensors: FileTensors) {
    this.graph = graph;
    this.tensors = tensors;
  }

  input(json: JsonReader): void {
    const id = this.newId(json);
    this.values.set(id, this.graph.addInput(json.field('hint').text(), readType(json.field('type')), id));
  }

  node(json: JsonReader): void {
    const outs = json.field('out').list();
    const spec = {
      op: json.field('op').text(),
      inputs: json.field('in').items((input) => (input.isNull ? null : this.madeValue(input))),
      outputs: outs.map((out) => ({ type: readType(out.field('type')), hint: out.field('hint').text('') })),
      attrs: this.attributes(json.field('attrs')),
      scope: json.field('scope').text(''),
      note: json.field('note').text(''),
    };
    const ids = outs.map((out) => this.newId(out));
    if (new Set(ids).size !== ids.length) throw json.fault('gives one id to two values');
    const node = this.graph.insertWithIds(spec, readId(json), ids);
    for (const output of node.outputs) this.values.set(output.id, output);
  }

  output(json: JsonReader): void {
    this.graph.addOutput(json.field('name').text(), this.madeValue(json.field('value')));
  }

  private newId(json: JsonReader): number {
    const id = readId(json);
    if (this.values.has(id)) throw json.fault(`has the id ${id} of another value`);
    return id;
  }

  private madeValue(json: JsonReader): Value {
    const value = this.values.get(json.count());
    if (value === undefined) throw json.fault('is read before it is made');
    return value;
  }

  private attributes(json: JsonReader): Record<string, AttributeValue> {
    if (json.isAbsent) return {};
    return Object.fromEntries(json.entries().map(([name, value]) => [name, this.attribute(value)]));
  }

  private attribute(json: JsonReader): AttributeValue {
    if (json.isText) return json.text();
    if (json.isList) return json.items(readNumber);
    return json.isRecordWith('tensor') ? readTensor(json.field('tensor'), this.tensors) : readNumber(json);
  }
}

/** The tensor that a name stands for. */
export function readTensor(json: JsonReader, tensors: FileTensors): Tensor {
  const name = json.text();
  const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
  if (tensor === undefined) throw json.fault(`names the tensor '${name}', which the file lacks`);
  return tensor;
}

function readId(json: JsonReader): number {
  const id = json.field('id').count();
  if (id > MAX_ID) throw json.fault(`has the id ${id}, which is too large`);
  return id;
}

function readType(json: JsonReader): ValueType {
  if (json.isNull) return PACKED;
  if (!json.isList) return { kind: 'packed', convRank: json.count() };
  const [dtype, dims] = json.list() as [JsonReader?, JsonReader?];
  if (dtype === undefined || dims === undefined) throw json.fault('must hold a dtype and dims');
  return tensorType(dtype.oneOf(ELEMENT_TYPES), dims.isNull ? null : dims.items((dim) => dim.count()));
}

function readNumber(json: JsonReader): number {
  return json.isRecordWith('number')
    ? Number(json.field('number').oneOf(['-0', 'NaN', 'Infinity', '-Infinity']))
    : json.number();
}
