import { type Attrs, type DType, type Operand, type Program, type ProgramValue, QUANTIZED_DTYPES } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { leafOperand } from '../ir/leaf-nodes.js';
import type { Value } from '../ir/value.js';
import { nameValues } from '../ir/value-names.js';
import type { ElementType } from '../ir/value-type.js';
import { LOWER_PASSES } from '../passes/index.js';
import { runPasses } from '../passes/pass.js';

/** Where a graph's output comes from: the program, or, without any computing, an input or a constant. */
export type OutputSource = { readonly program: number } | { readonly input: string } | { readonly constant: Operand };

/** A program and how its results become the graph's outputs. */
export interface Lowered {
  readonly program: Program;
  readonly outputs: readonly { readonly name: string; readonly source: OutputSource }[];
}

/**
 * What backends compile: the graph after the lowering passes, as straight-line instructions over numbered values.
 * The graph itself stays as it is. Every node that is left is a row of core's op table, so emitting needs no cases.
 */
export function lower(graph: Graph): Lowered {
  const lowered = runPasses(graph.cloneSharingObservers(), LOWER_PASSES);
  const names = nameValues(lowered);
  const values: ProgramValue[] = [];
  const indices = new Map<Value, number>();
  const indexOf = (value: Value | null): number => {
    if (value === null) return -1;
    const known = indices.get(value);
    if (known !== undefined) return known;
    const constant = leafOperand(value);
    const label = value.node.attrs.name;
    const name = typeof label === 'string' ? label : `%${names.get(value)}`;
    values.push(constant === undefined ? { name } : { name, constant });
    indices.set(value, values.length - 1);
    return values.length - 1;
  };
  const inputs = lowered.inputs.map((input) => {
    const { dtype, dims } = input.type as { dtype: ElementType; dims: readonly number[] | null };
    const fixed = lowered.fixedBy !== null && dims !== null ? { fixedDims: dims } : {};
    return { name: input.hint, value: indexOf(input), dtype: storageOf(dtype), ...fixed };
  });
  const nodes = [...lowered.nodes()].filter((node) => leafOperand(node.output) === undefined);
  const instructions = nodes.map(({ op, inputs: operands, outputs, attrs }) => ({
    op,
    inputs: operands.map(indexOf),
    outputs: outputs.map(indexOf),
    attrs: attrs as Attrs,
  }));
  const results = new Map<Value, number>();
  const outputs = lowered.outputs.map(({ name, value }) => {
    const constant = leafOperand(value);
    if (constant !== undefined) return { name, source: { constant } };
    if (value.isInput) return { name, source: { input: value.hint } };
    if (!results.has(value)) results.set(value, results.size);
    return { name, source: { program: results.get(value) as number } };
  });
  const programOutputs = [...results.keys()].map((value) => ({ name: `%${names.get(value)}`, value: indexOf(value) }));
  return { program: { values, instructions, inputs, outputs: programOutputs }, outputs };
}

/** The dtype that holds the codes of a quantized one; any other is its own. */
function storageOf(dtype: ElementType): DType {
  return dtype in QUANTIZED_DTYPES
    ? QUANTIZED_DTYPES[dtype as keyof typeof QUANTIZED_DTYPES].storage
    : (dtype as DType);
}
