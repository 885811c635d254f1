import { DTYPES, type DType, type TypedArray } from '../../tensor/dtype.js';
import { broadcastDims, broadcastStrides, type Dims, sizeOf } from '../../tensor/shape.js';
import { forEachIndex } from '../../tensor/strided.js';
import { Tensor } from '../../tensor/tensor.js';
import { checkRank, dimsOf, tensorMeta } from '../check.js';
import type { OpDef } from '../op-def.js';

// Element-wise ops of all dtypes. int64 elements are bigints, all others numbers: a formula is given for both.

/** A formula for each kind of element; a kind without one is refused. Integers wrap when they are stored. */
export interface Formulas<F, B> {
  readonly float?: F;
  readonly integer?: F;
  readonly int64?: B;
  readonly bool?: F;
}

type Unary<T, R> = (x: T) => R;
type Binary<T, R> = (a: T, b: T) => R;

function kindOf(dtype: DType): keyof Formulas<never, never> | 'float16' {
  if (dtype === 'float32') return 'float';
  return dtype === 'bool' || dtype === 'int64' || dtype === 'float16' ? dtype : 'integer';
}

/** The dtypes that a table has formulas for. */
function dtypesOf(formulas: Formulas<unknown, unknown>): DType[] {
  return (Object.keys(DTYPES) as DType[]).filter((dtype) => {
    const kind = kindOf(dtype);
    return kind !== 'float16' && formulas[kind] !== undefined;
  });
}

/** y[i] = formula(x[i]), of x's dtype. */
export function unaryOp(
  name: string,
  opcode: number,
  formulas: Formulas<Unary<number, number>, Unary<bigint, bigint>>,
): OpDef {
  return {
    name,
    opcode,
    inputs: ['x'],
    attrs: {},
    outputs: ['y'],
    infer([x]) {
      return [tensorMeta(name, 'x', x, ...dtypesOf(formulas))];
    },
    reference([x]) {
      const { type, raw } = x as Tensor;
      const formula = formulas[kindOf(type) as keyof typeof formulas] as unknown as (value: never) => never;
      return [new Tensor(type, (raw.data as Float32Array).map(formula as never), raw.dims)];
    },
  };
}

/** y = formula(a, b) under NumPy's broadcast; both of one dtype, and the result of it or bool. */
export function binaryOp(
  name: string,
  opcode: number,
  formulas: Formulas<Binary<number, number | boolean>, Binary<bigint, bigint | boolean>>,
  result: 'same' | 'bool' = 'same',
): OpDef {
  return {
    name,
    opcode,
    inputs: ['a', 'b'],
    attrs: {},
    outputs: ['y'],
    infer([aMeta, bMeta]) {
      const a = tensorMeta(name, 'a', aMeta, ...dtypesOf(formulas));
      const b = tensorMeta(name, 'b', bMeta, a.dtype);
      return [
        { dtype: result === 'bool' ? 'bool' : a.dtype, dims: checkRank(name, broadcastDims(a.dims, b.dims, name)) },
      ];
    },
    reference([a, b]) {
      const { type } = a as Tensor;
      const dims = broadcastDims(dimsOf(a), dimsOf(b), name);
      const dtype = result === 'bool' ? 'bool' : type;
      const y = new DTYPES[dtype].array(sizeOf(dims)) as unknown[] & TypedArray;
      const formula = formulas[kindOf(type) as keyof typeof formulas] as Binary<unknown, unknown>;
      const store = result === 'bool' ? Number : (value: unknown) => value;
      const [x, z] = [(a as Tensor).raw.data, (b as Tensor).raw.data];
      forBroadcast(dims, [dimsOf(a), dimsOf(b)], (at, [i, j]) => {
        y[at] = store(formula(x[i as number], z[j as number])) as never;
      });
      return [new Tensor(dtype, y, dims)];
    },
  };
}

/** Visits every element of `dims` with the places that operands of `operandDims` have there when broadcast. */
export function forBroadcast(
  dims: Dims,
  operandDims: readonly Dims[],
  visit: (at: number, offsets: readonly number[]) => void,
): void {
  let at = 0;
  forEachIndex(
    dims,
    operandDims.map((own) => broadcastStrides(own, dims)),
    (offsets) => visit(at++, offsets),
  );
}
