import { Q, type Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { attributeName, attributeSpec, GET_ATTR, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';

// Embedding tables in 8 and 4 bits: what replaced observers leave is embedding(unpack(packed), ids).

interface TableOps {
  readonly bits: 8 | 4;
  readonly lookup: string;
  readonly bag: string;
}

/** The ops that unpack a table, with the ops that look rows up without unpacking it. */
const TABLES: Readonly<Record<string, TableOps>> = {
  'quantized::embedding_bag_byte_unpack': {
    bits: 8,
    lookup: 'quantized::embedding_byte',
    bag: 'quantized::embedding_bag_byte_rowwise_offsets',
  },
  'quantized::embedding_bag_4bit_unpack': {
    bits: 4,
    lookup: 'quantized::embedding_4bit',
    bag: 'quantized::embedding_bag_4bit_rowwise_offsets',
  },
};

/** The op that unpacks tables of codes of that width. */
export function unpackOp(bits: 8 | 4): string {
  return Object.keys(TABLES).find((op) => TABLES[op]?.bits === bits) as string;
}

/** embedding(unpack(packed), ids), and a bag of them, becomes one lookup of packed rows: the same bits, for bags to rounding. */
export function fuseTables(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    const isBag = node.op === 'aten::embedding_bag';
    const unpack = isBag || node.op === 'aten::embedding' ? node.input(0).node : undefined;
    const table = unpack && tableOps(unpack);
    if (unpack === undefined || table === undefined) continue;
    const { type, hint } = node.output;
    const lookup = graph.insert(
      {
        op: isBag ? table.bag : table.lookup,
        inputs: [unpack.input(0), ...node.inputs.slice(1)],
        ...(isBag && { attrs: { includeLastOffset: node.attrs.includeLastOffset ?? 0 } }),
        outputs: [{ type, hint }],
        scope: node.scope,
        note: 'weight only',
      },
      node,
    );
    node.output.replaceUses(lookup.output);
    node.remove();
  }
  return graph;
}

/** For debug graphs: the float values that a packed table stands for, under the name of the float table. */
export function unpackTables(graph: Graph): Graph {
  const floatNames = new Map([...graph.frozen].map(([name, packed]) => [packed, name]));
  for (const node of graph.nodes()) {
    const table = tableOps(node);
    const source = table && node.input(0).node;
    const packed = source?.op === GET_ATTR ? attributeName(source) : '';
    const name = floatNames.get(packed);
    if (table === undefined || name === undefined) continue;
    const tensor = Q.embeddingUnpack(leafTensor(node.input(0)) as Tensor, { bits: table.bits });
    graph.parameters.set(name, tensor);
    graph.frozen.delete(name);
    node.output.replaceUses(graph.insert(attributeSpec(name, tensor), node).output);
    node.remove();
  }
  return graph;
}

function tableOps({ op }: Node): TableOps | undefined {
  return Object.hasOwn(TABLES, op) ? TABLES[op] : undefined;
}
