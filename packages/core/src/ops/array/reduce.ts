import { laneSum } from '../../numerics/lane-sum.js';
import { DTYPES, type DType, type TypedArray } from '../../tensor/dtype.js';
import { checkAxis, type Dims, sizeOf } from '../../tensor/shape.js';
import { denseStrides, forEachIndex } from '../../tensor/strided.js';
import { Tensor } from '../../tensor/tensor.js';
import { attrList, attrNumber, checkRank, dimsOf, shapeError, tensorMeta } from '../check.js';
import type { Attrs, OpDef } from '../op-def.js';

const f = Math.fround;

// Reductions over some dims (all of them where `dims` is empty), in row-major order of the reduced elements.

type Group = (count: number, at: (i: number) => number | bigint) => number | bigint;

/** dims kept (1 for a reduced one), and the axes reduced, ascending. */
function reduction(op: string, dims: Dims, attrs: Attrs): { axes: number[]; kept: number[] } {
  const asked = attrList(attrs, 'dims').map((axis) => checkAxis(axis, dims.length, op));
  const axes = asked.length === 0 ? dims.map((_, axis) => axis) : [...new Set(asked)].sort((a, b) => a - b);
  return { axes, kept: dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim)) };
}

function reduceOp(
  name: string,
  opcode: number,
  groups: Partial<Record<DType, Group>>,
  attrNames: OpDef['attrs'] = { dims: 'ints', keepDim: 'int' },
  result?: DType,
): OpDef {
  const finalDims = (dims: Dims, attrs: Attrs): Dims => {
    const { axes, kept } = reduction(name, dims, attrs);
    return attrNumber(attrs, 'keepDim', 1) === 1 ? kept : kept.filter((_, axis) => !axes.includes(axis));
  };
  return {
    name,
    opcode,
    inputs: ['x'],
    attrs: attrNames,
    outputs: ['y'],
    infer([xMeta], attrs) {
      const x = tensorMeta(name, 'x', xMeta, ...(Object.keys(groups) as DType[]));
      return [{ dtype: result ?? x.dtype, dims: checkRank(name, finalDims(x.dims, attrs)) }];
    },
    reference([x], attrs) {
      const { type, raw } = x as Tensor;
      const { axes, kept } = reduction(name, raw.dims, attrs);
      const strides = denseStrides(raw.dims);
      const inner: number[] = [];
      forEachIndex(
        axes.map((axis) => raw.dims[axis] as number),
        [axes.map((axis) => strides[axis] as number)],
        ([offset]) => inner.push(offset as number),
      );
      const dtype = result ?? type;
      const y = new DTYPES[dtype].array(sizeOf(kept)) as unknown[] & TypedArray;
      const group = groups[type] as Group;
      let at = 0;
      forEachIndex(kept, [strides], ([start]) => {
        y[at++] = group(
          inner.length,
          (i) => raw.data[(start as number) + (inner[i] as number)] as number | bigint,
        ) as never;
      });
      return [new Tensor(dtype, y, finalDims(raw.dims, attrs))];
    },
  };
}

/** Folds a group from `first`, or from its first element; an empty group gives `empty`. */
function fold(step: (sum: never, x: never) => unknown, empty: number | bigint): Group {
  return (count, at) => {
    let sum: unknown = count === 0 ? empty : at(0);
    for (let i = 1; i < count; i++) sum = step(sum as never, at(i) as never);
    return sum as number;
  };
}

const most = (a: number, b: number): number => (b > a || (Number.isNaN(b) && !Number.isNaN(a)) ? b : a);
const least = (a: number, b: number): number => (b < a || (Number.isNaN(b) && !Number.isNaN(a)) ? b : a);
const RANGE: Partial<Record<DType, readonly [number | bigint, number | bigint]>> = {
  float32: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  int8: [-128, 127],
  uint8: [0, 255],
  int32: [-2147483648, 2147483647],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  bool: [0, 1],
};

function extremes(step: typeof most, end: 0 | 1): Partial<Record<DType, Group>> {
  return Object.fromEntries(
    Object.entries(RANGE).map(([dtype, range]) => [dtype, fold(step as never, range[end] as number)]),
  );
}

/** Index of the largest or smallest element; the first of equals, or the last. A NaN counts as the extreme. */
function indexOfExtreme(better: (a: number, b: number) => boolean): Group {
  return (count, at) => {
    let best = 0;
    for (let i = 1; i < count; i++) if (better(at(i) as number, at(best) as number)) best = i;
    return BigInt(best);
  };
}

function argOp(name: string, opcode: number, better: (a: number, b: number) => boolean): OpDef {
  const make = (last: boolean): OpDef => {
    const test = (a: number, b: number): boolean =>
      better(a, b) || (last && a === b) || (Number.isNaN(a) && !Number.isNaN(b));
    const groups = Object.fromEntries(Object.keys(RANGE).map((dtype) => [dtype, indexOfExtreme(test)]));
    return reduceOp(name, opcode, groups, { dim: 'int', keepDim: 'int', last: 'int' }, 'int64');
  };
  const [first, last] = [make(false), make(true)];
  const overDim = (attrs: Attrs): Attrs => ({ ...attrs, dims: [attrNumber(attrs, 'dim', 0)] });
  return {
    ...first,
    infer: (metas, attrs) => first.infer(metas, overDim(attrs)),
    reference: (operands, attrs) => (attrs.last === 1 ? last : first).reference(operands, overDim(attrs)),
  };
}

/** Running sums along `dim`; `exclusive` leaves out the element itself, `reverse` starts at the end. */
const cumsum: OpDef = {
  name: 'aten::cumsum',
  opcode: 159,
  inputs: ['x'],
  attrs: { dim: 'int', exclusive: 'int', reverse: 'int' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32', 'int32', 'int64');
    checkAxis(attrNumber(attrs, 'dim', 0), x.dims.length, this.name);
    return [x];
  },
  reference([x], attrs) {
    const { type, raw } = x as Tensor;
    const axis = checkAxis(attrNumber(attrs, 'dim', 0), raw.dims.length, this.name);
    const count = raw.dims[axis] ?? 1;
    const stride = sizeOf(raw.dims.slice(axis + 1));
    const y = raw.data.slice() as unknown[] & TypedArray;
    const exclusive = attrs.exclusive === 1;
    const zero = type === 'int64' ? 0n : 0;
    const wrap = type === 'float32' ? f : (sum: number): number => (type === 'int32' ? sum | 0 : sum);
    for (let line = 0; line < y.length / Math.max(count, 1); line++) {
      const start = Math.floor(line / stride) * stride * count + (line % stride);
      let sum: unknown = zero;
      for (let i = 0; i < count; i++) {
        const at = start + (attrs.reverse === 1 ? count - 1 - i : i) * stride;
        const next = add(sum, y[at]);
        y[at] = (exclusive ? sum : next) as never;
        sum = wrap(next as number);
      }
    }
    return [new Tensor(type, y, raw.dims)];
  },
};

function add(a: unknown, b: unknown): unknown {
  return (a as number) + (b as number);
}

/**
 * The `k` largest (or smallest) elements along `dim`, sorted, and their int64 indices; the lower index first among
 * equals. NaN counts as the largest.
 */
const topk: OpDef = {
  name: 'aten::topk',
  opcode: 160,
  inputs: ['x'],
  attrs: { k: 'int', dim: 'int', largest: 'int' },
  outputs: ['values', 'indices'],
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta, ...(Object.keys(RANGE) as DType[]));
    const axis = checkAxis(attrNumber(attrs, 'dim', -1), x.dims.length, this.name);
    const k = attrNumber(attrs, 'k', 1);
    if (x.dims.length === 0 || k < 0 || k > (x.dims[axis] as number)) {
      throw shapeError(this.name, `at least ${k} elements along dim ${axis}`, x.dims);
    }
    const dims = x.dims.with(axis, k);
    return [
      { dtype: x.dtype, dims },
      { dtype: 'int64', dims },
    ];
  },
  reference([x], attrs) {
    const { type, raw } = x as Tensor;
    const dims = dimsOf(x);
    const axis = checkAxis(attrNumber(attrs, 'dim', -1), dims.length, this.name);
    const count = dims[axis] as number;
    const stride = sizeOf(dims.slice(axis + 1));
    const k = attrNumber(attrs, 'k', 1);
    const sign = attrNumber(attrs, 'largest', 1) === 1 ? -1 : 1;
    const size = sizeOf(dims.with(axis, k));
    const values = new DTYPES[type].array(size) as unknown[] & TypedArray;
    const indices = new BigInt64Array(size);
    const outer = sizeOf(dims.slice(0, axis));
    for (let line = 0; line < outer * stride; line++) {
      const [group, inner] = [Math.floor(line / stride), line % stride];
      const at = (i: number): number => raw.data[(group * count + i) * stride + inner] as number;
      const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => sign * compare(at(a), at(b)) || a - b);
      for (let i = 0; i < k; i++) {
        const to = (group * k + i) * stride + inner;
        values[to] = at(order[i] as number) as never;
        indices[to] = BigInt(order[i] as number);
      }
    }
    const result = dims.with(axis, k);
    return [new Tensor(type, values, result), new Tensor('int64', indices, result)];
  },
};

function compare(a: number, b: number): number {
  if (a === b) return 0;
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  return Number.isNaN(b) || a < b ? -1 : 1;
}

/** Floats are summed in 16 lanes; integers wrap in their dtype. An empty group sums to 0 and multiplies to 1. */
export const REDUCE_OPS: readonly OpDef[] = [
  reduceOp('aten::sum', 153, {
    float32: (count, at) => laneSum(count, at as (i: number) => number),
    int32: fold((a: number, b: number) => (a + b) | 0, 0),
    int64: fold((a: bigint, b: bigint) => a + b, 0n),
  }),
  reduceOp('aten::amax', 154, extremes(most, 0)),
  reduceOp('aten::amin', 155, extremes(least, 1)), // 155
  reduceOp('aten::prod', 156, {
    float32: fold((a: number, b: number) => f(a * b), 1),
    int32: fold(Math.imul, 1),
    int64: fold((a: bigint, b: bigint) => BigInt.asIntN(64, a * b), 1n),
  }),
  argOp('aten::argmax', 157, (a, b) => a > b),
  argOp('aten::argmin', 158, (a, b) => a < b),
  cumsum,
  topk, // 160
];
