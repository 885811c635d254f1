import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import { OBSERVE } from '../ir/observer-spec.js';
import { quantizerOf } from '../ir/quantizers.js';
import { staticQParams } from '../ir/static-qparams.js';
import type { Value } from '../ir/value.js';
import { passesOn } from './float-op.js';

/** The value that a value hands on: what was observed, quantized or dequantized. */
export function sourceOf(value: Value): Value {
  let source = value;
  while (passesOn(source.node)) source = source.node.input(0);
  return source;
}

/** The nodes that compute with a value, be it dequantized or observed before. */
export function readersOf(value: Value): Node[] {
  return value.uses.flatMap(({ node, index }) => (passesOn(node) && index === 0 ? readersOf(node.output) : [node]));
}

/** The one node that computes with a value, or undefined. */
export function soleReader(value: Value): Node | undefined {
  const readers = readersOf(value);
  return readers.length === 1 ? readers[0] : undefined;
}

/**
 * A node's result as its readers see it: behind the observer, or behind the quantize and dequantize nodes that stand
 * for the rounding of its int8 form. A range that is chosen at run time belongs to the reader.
 */
export function settled(value: Value): Value {
  const reader = value.onlyUser;
  if (reader === undefined) return value;
  const rounds = quantizerOf(reader) !== undefined && staticQParams(reader.output) !== undefined;
  return rounds || reader.op === 'aten::dequantize' || reader.op === OBSERVE ? settled(reader.output) : value;
}

/** A value as floats: itself, or what dequantizes its codes, which is added to its graph where it is missing. */
export function asFloat(graph: Graph, value: Value): Value {
  const { type } = value;
  if (type.kind !== 'tensor' || !/^qu?int/.test(type.dtype)) return value;
  const known = value.uses.find(({ node, index }) => node.op === 'aten::dequantize' && index === 0)?.node;
  if (known !== undefined) return known.output;
  const before = value.isInput ? undefined : (value.node.next ?? undefined);
  const outputs = [{ type: { ...type, dtype: 'float32' as const }, hint: 'dequant' }];
  return graph.insert({ op: 'aten::dequantize', inputs: [value], outputs }, before).output;
}

/** True for results that metrics compare: float32 values, and codes. */
export function isReal({ type }: Value): boolean {
  return type.kind === 'tensor' && /^(float32$|qu?int)/.test(type.dtype);
}
