import { type AttrKind, OctavoError, OPS, type OpDef, Tensor } from '@octavo/core';
import { isDeferred } from '../import/deferred-nodes.js';
import { isKnownCode } from './attributes.js';
import type { Graph } from './graph.js';
import { attributeName, CONSTANT, GET_ATTR } from './leaf-nodes.js';
import type { Node } from './node.js';
import { OBSERVE, observerName } from './observer-spec.js';
import type { Value } from './value.js';

/**
 * Refuses a graph that breaks a rule which passes and lowering rely on: each operand is made before it is read, every
 * op is known and has the operands and attributes that it takes, and leaves name what the graph holds.
 * INVALID_DATA names the node.
 */
export function verify(graph: Graph): Graph {
  const made = new Set<Value>(graph.inputs);
  const names = graph.inputNames;
  if (new Set(names).size !== names.length) throw fault('graph', `two inputs have one name: ${names.join(', ')}`);
  if (graph.inputs.some(({ type }) => type.kind !== 'tensor')) throw fault('graph', 'an input is no tensor');
  for (const node of graph.nodes()) {
    node.inputs.forEach((input, i) => {
      if (input !== null && !made.has(input)) throw fault(node, `operand ${i} is read before it is made`);
    });
    (Object.hasOwn(PRIM_CHECKS, node.op) ? (PRIM_CHECKS[node.op] as (node: Node) => void) : checkOp)(node);
    for (const output of node.outputs) made.add(output);
  }
  const labels = graph.outputNames;
  if (labels.length === 0) throw fault('graph', 'it has no outputs');
  if (new Set(labels).size !== labels.length) throw fault('graph', `two outputs have one name: ${labels.join(', ')}`);
  for (const { name, value } of graph.outputs)
    if (!made.has(value)) throw fault('graph', `output '${name}' is made by no node`);
  return graph;
}

/** Nodes that are no rows of core's op table. */
const PRIM_CHECKS: Readonly<Record<string, (node: Node) => void>> = {
  [CONSTANT](node) {
    checkArity(node, 0, 0, 1);
    if (!Tensor.is(node.attrs.value)) throw fault(node, 'its value must be a tensor');
  },
  [GET_ATTR](node) {
    checkArity(node, 0, 0, 1);
    const name = attributeName(node);
    if (!node.graph.parameters.has(name)) throw fault(node, `the graph has no parameter '${name}'`);
  },
  [OBSERVE](node) {
    checkArity(node, 1, 1, 1);
    const name = observerName(node);
    if (!node.graph.observers.has(name)) throw fault(node, `the graph has no observer '${name}'`);
  },
  // A quantized value carries its scale and zero point; the three-operand form is core's.
  'aten::dequantize'(node) {
    checkArity(node, 1, 3, 1);
    checkAttributes(node, OPS[node.op]?.attrs ?? {});
  },
};

function checkOp(node: Node): void {
  if (isDeferred(node.op)) return;
  const def = Object.hasOwn(OPS, node.op) ? OPS[node.op] : undefined;
  if (def === undefined) throw fault(node, 'unknown op');
  const variadic = def.inputs.at(-1)?.endsWith('*') === true;
  const most = variadic ? Number.POSITIVE_INFINITY : def.inputs.length;
  checkArity(node, variadic ? 1 : def.inputs.length, most, def.outputs.length);
  def.inputs.forEach((name, i) => {
    if (!name.endsWith('?') && !name.endsWith('*') && !node.inputs[i]) throw fault(node, `operand '${name}' is absent`);
  });
  checkAttributes(node, def.attrs);
}

function checkAttributes(node: Node, kinds: OpDef['attrs']): void {
  for (const [name, value] of Object.entries(node.attrs)) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) throw fault(node, `unknown attribute '${name}'`);
    const { test, expected } = KIND_CHECKS[kind];
    if (!test(value)) throw fault(node, `attribute '${name}' must be ${expected}`);
    if (typeof value === 'number' && !isKnownCode(name, value, node.op)) {
      throw fault(node, `attribute '${name}' has the unknown code ${value}`);
    }
  }
}

const KIND_CHECKS: Readonly<Record<AttrKind, { test: (value: unknown) => boolean; expected: string }>> = {
  int: { test: Number.isSafeInteger, expected: 'an integer' },
  float: { test: (value) => typeof value === 'number', expected: 'a number' },
  floats: {
    test: (value) => Array.isArray(value) && value.every((each) => typeof each === 'number'),
    expected: 'a list of numbers',
  },
  ints: { test: (value) => Array.isArray(value) && value.every(Number.isSafeInteger), expected: 'a list of integers' },
};

function checkArity(node: Node, least: number, most: number, outputs: number): void {
  const count = node.inputs.length;
  if (count < least || count > most) throw fault(node, `it has ${count} operands`);
  if (node.outputs.length !== outputs) throw fault(node, `it has ${node.outputs.length} outputs instead of ${outputs}`);
}

function fault(place: Node | 'graph', why: string): OctavoError {
  const where =
    place === 'graph' ? 'graph' : `${place.op} (node ${place.id}${place.scope === '' ? '' : `, ${place.scope}`})`;
  return new OctavoError('INVALID_DATA', `[verify] ${where}: ${why}`, { details: { where, why } });
}
