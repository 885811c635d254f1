import type { Graph } from '../ir/graph.js';
import { CONSTANT, GET_ATTR } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { quantizerOf } from '../ir/quantizers.js';
import type { Value } from '../ir/value.js';
import { nameValues } from '../ir/value-names.js';
import { formatType } from '../ir/value-type.js';

/** How a node computes: on codes, on floats, or from one to the other. */
export type Precision = 'int8' | 'float' | 'border';

const CODES: readonly string[] = ['qint8', 'quint8', 'qint32'];

const DEQUANTIZERS: readonly string[] = ['aten::dequantize', 'octavo::dequantize_linear'];

function isCodes({ type }: Value): boolean {
  return type.kind === 'tensor' && CODES.includes(type.dtype);
}

/**
 * Int8 where codes or packed weights go in, float where they do not, a border where a node only quantizes or
 * dequantizes.
 */
export function precisionOf(node: Node): Precision {
  if (quantizerOf(node) !== undefined || DEQUANTIZERS.includes(node.op)) return 'border';
  const packed = node.inputs.some((input) => input?.type.kind === 'packed');
  return packed || node.inputs.some((input) => input !== null && isCodes(input)) ? 'int8' : 'float';
}

/** A node as a picture shows it; parameters and constants are not drawn. */
export interface DrawnNode {
  readonly id: string;
  readonly title: string;
  readonly scope: string;
  readonly type: string;
  readonly precision: Precision;
  /** What it reads, by id. */
  readonly from: readonly string[];
}

/** Inputs, nodes and outputs in the graph's order, without leaves. */
export function drawnNodes(graph: Graph): DrawnNode[] {
  const names = nameValues(graph);
  const idOf = new Map<Value, string>();
  const ids = (values: readonly (Value | null)[]) => [
    ...new Set(values.flatMap((value) => (value === null ? [] : (idOf.get(value) ?? [])))),
  ];
  const drawn: DrawnNode[] = graph.inputs.map((input) => {
    const id = `v${input.id}`;
    idOf.set(input, id);
    return { id, title: `input ${input.hint}`, scope: '', type: formatType(input.type), precision: 'float', from: [] };
  });
  for (const node of graph.nodes()) {
    if (node.op === GET_ATTR || node.op === CONSTANT) continue;
    const id = `v${node.output.id}`;
    for (const output of node.outputs) idOf.set(output, id);
    const type = node.outputs.map((output) => formatType(output.type)).join(', ');
    const precision = precisionOf(node);
    drawn.push({
      id,
      title: `%${names.get(node.output)} = ${node.op}`,
      scope: node.scope,
      type,
      precision,
      from: ids(node.inputs),
    });
  }
  graph.outputs.forEach(({ name, value }, i) => {
    const type = formatType(value.type);
    drawn.push({ id: `out${i}`, title: `output ${name}`, scope: '', type, precision: 'float', from: ids([value]) });
  });
  return drawn;
}

/** Fill colours; the words beside them say the same. */
export const COLOURS: Readonly<Record<Precision, string>> = { int8: '#bfe3c0', float: '#f3d3b5', border: '#e4e4ec' };
