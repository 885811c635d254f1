import { isPackedParams, type Operand, opByName, type Program, Tensor, type TensorMeta } from '@octavo/core';
import { type Cases, integer, type Random } from './random.js';
import { Builder } from './random-program.js';

/** Ops of one operand that keep dims and dtype, by the dtype that they take. */
const BETWEEN: Readonly<Record<string, readonly (readonly [op: string, attrs: Record<string, number>])[]>> = {
  float32: [
    ['aten::neg', {}],
    ['aten::relu', {}],
    ['octavo::to_layout', { channelsLast: 1 }],
  ],
  uint8: [
    ['quantized::relu', { xZeroPoint: 9 }],
    ['octavo::to_layout', { channelsLast: 1 }],
  ],
  int8: [['quantized::relu', { xZeroPoint: -3 }]],
};

/**
 * A random program over any of the ops that `cases` has operands for: tensors are fed or constant, results of one op
 * go into the next where dtype and dims allow, and what nobody reads is an output, and some of the rest.
 */
export function randomOpProgram(cases: Cases, r: Random): { program: Program; inputs: Tensor[] } {
  const b = new Builder();
  const fed = new Map<number, Tensor>();
  const made: number[] = [];
  const read = new Set<number>();
  const names = Object.keys(cases);
  const metaOf = (value: number): TensorMeta => b.metas[value] as TensorMeta;
  const add = (op: string, operands: number[], attrs: Parameters<Builder['op']>[2]): void => {
    for (const operand of operands) read.add(operand);
    made.push(...b.op(op, operands, attrs));
  };
  const leaf = (operand: Operand | null): number => {
    if (operand === null) return -1;
    if (isPackedParams(operand) || r() < 0.4) return b.constant(operand);
    const value = b.value({ dtype: operand.type, dims: operand.raw.dims });
    fed.set(value, operand);
    return value;
  };
  const fitting = (operand: Operand | null): number | undefined =>
    Tensor.is(operand)
      ? made.findLast((v) => metaOf(v).dtype === operand.type && `${metaOf(v).dims}` === `${operand.raw.dims}`)
      : undefined;
  for (let ops = integer(r, 1, 6); ops > 0; ops--) {
    const name = names[integer(r, 0, names.length - 1)] as string;
    const [operands, attrs] = (cases[name] as Cases[string])(r);
    // Other operands may be scales or ids, which not every tensor can be.
    const first = fitting(operands[0] as Operand | null);
    const values = operands.map((operand, i) => (i === 0 && first !== undefined ? first : leaf(operand)));
    add(name, values, attrs);
    const last = made.at(-1) as number;
    const next = BETWEEN[metaOf(last).dtype];
    if (next === undefined || r() < 0.5) continue;
    const [between, params] = next[integer(r, 0, next.length - 1)] as (typeof next)[number];
    const rank = metaOf(last).dims.length;
    if (between !== 'octavo::to_layout' || (rank >= 3 && rank <= 5)) add(between, [last], params);
  }
  const outputs = made.filter((value) => !read.has(value) || r() < 0.3);
  const program: Program = {
    values: b.values,
    instructions: b.instructions,
    inputs: [...fed].map(([value, { type }]) => ({ name: `x${value}`, value, dtype: type })),
    outputs: outputs.map((value) => ({ name: `y${value}`, value })),
  };
  return { program, inputs: [...fed.values()] };
}

/** Operands of an op of which the first has no elements, if the op's shape rule takes that; else null. */
export function withoutElements(cases: Cases, name: string, r: Random): ReturnType<Cases[string]> | null {
  const [operands, attrs] = (cases[name] as Cases[string])(r);
  const [x] = operands;
  if (!Tensor.is(x) || x.raw.dims.length === 0) return null;
  const dims = x.raw.dims.with(integer(r, 0, x.raw.dims.length - 1), 0);
  const emptied = [new Tensor(x.type, x.raw.data.slice(0, 0) as never, dims), ...operands.slice(1)];
  try {
    opByName(name).infer(
      emptied.map((operand) => (Tensor.is(operand) ? { dtype: operand.type, dims: operand.raw.dims } : operand)),
      attrs,
    );
  } catch {
    return null;
  }
  return [emptied, attrs];
}

const ODD_NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1.5, 300, -300, 1e-42];

/** Operands of an op with one number among its attributes that no case would give; null where it has none. */
export function withOddAttribute(cases: Cases, name: string, r: Random): ReturnType<Cases[string]> | null {
  const [operands, attrs] = (cases[name] as Cases[string])(r);
  const keys = Object.keys(attrs);
  const key = keys[integer(r, 0, keys.length - 1)];
  if (key === undefined) return null;
  const value = attrs[key] as number | readonly number[];
  const odd = ODD_NUMBERS[integer(r, 0, ODD_NUMBERS.length - 1)] as number;
  if (typeof value === 'number') return [operands, { ...attrs, [key]: odd }];
  return value.length === 0 ? null : [operands, { ...attrs, [key]: value.with(integer(r, 0, value.length - 1), odd) }];
}
