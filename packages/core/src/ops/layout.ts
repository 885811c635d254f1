import { OctavoError } from '../errors.js';
import { DTYPES, type TypedArray } from '../tensor/dtype.js';
import { checkAxis, type Dims, formatDims, sizeOf } from '../tensor/shape.js';
import { denseStrides, gather } from '../tensor/strided.js';
import { Tensor } from '../tensor/tensor.js';
import { attrList, attrNumber, checkRank, dimsOf, shapeError, tensorMeta } from './check.js';
import type { OpDef, Operand } from './op-def.js';

// Ops that pick or reorder elements without looking at them: any dtype, a fresh tensor.

/** The elements at offset + sum of index * stride, in row-major order of `dims`. */
function gathered(x: Operand | null | undefined, dims: Dims, strides: readonly number[], offset: number): Tensor[] {
  const { type, raw } = x as Tensor;
  const out = new DTYPES[type].array(sizeOf(dims)) as TypedArray;
  gather(raw.data as Uint8Array, out as Uint8Array, dims, strides, offset);
  return [new Tensor(type, out, dims)];
}

/** Dim i of the output is dim `dims[i]` of x (`torch.permute`); negative ones count from the end. */
export const permute: OpDef = {
  name: 'aten::permute',
  opcode: 23,
  inputs: ['x'],
  attrs: { dims: 'ints' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    checkRank(this.name, x.dims);
    const order = permutation(x.dims, attrList(attrs, 'dims'));
    return [{ dtype: x.dtype, dims: order.map((axis) => x.dims[axis] as number) }];
  },
  reference([x], attrs) {
    const dims = dimsOf(x);
    const strides = denseStrides(dims);
    const order = permutation(dims, attrList(attrs, 'dims'));
    return gathered(
      x,
      order.map((axis) => dims[axis] as number),
      order.map((axis) => strides[axis] as number),
      0,
    );
  },
};

function permutation(dims: Dims, asked: readonly number[]): number[] {
  const order = asked.map((axis) => (axis < 0 ? axis + dims.length : axis));
  if (order.length !== dims.length || dims.some((_, axis) => !order.includes(axis))) {
    throw shapeError('aten::permute', `each of the ${dims.length} axes of ${formatDims(dims)} once`, asked);
  }
  return order;
}

/** The slice at `index` of dim `dim`, which goes away; negative ones count from the end. */
export const select: OpDef = {
  name: 'aten::select',
  opcode: 24,
  inputs: ['x'],
  attrs: { dim: 'int', index: 'int' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    const { axis } = selection(x.dims, attrNumber(attrs, 'dim', 0), attrNumber(attrs, 'index', 0));
    return [{ dtype: x.dtype, dims: checkRank(this.name, x.dims).toSpliced(axis, 1) }];
  },
  reference([x], attrs) {
    const dims = dimsOf(x);
    const { axis, index } = selection(dims, attrNumber(attrs, 'dim', 0), attrNumber(attrs, 'index', 0));
    const strides = denseStrides(dims);
    return gathered(x, dims.toSpliced(axis, 1), strides.toSpliced(axis, 1), index * (strides[axis] as number));
  },
};

function selection(dims: Dims, dim: number, asked: number): { axis: number; index: number } {
  if (dims.length === 0) throw shapeError('aten::select', 'a tensor with a dim to select from', dims);
  const axis = checkAxis(dim, dims.length, 'aten::select');
  const size = dims[axis] as number;
  const index = asked < 0 ? asked + size : asked;
  if (!Number.isInteger(index) || index < 0 || index >= size) {
    throw new OctavoError(
      'INVALID_SHAPE',
      `[aten::select] index ${asked} is outside dim ${dim} of ${formatDims(dims)}, which has ${size} entries`,
    );
  }
  return { axis, index };
}

/**
 * Elements start, start + step, ... below end of dim `dim`, as `x[start:end:step]` in PyTorch: negative ends count
 * from the end, ends out of range are clamped, an empty result is allowed; step >= 1.
 */
export const slice: OpDef = {
  name: 'aten::slice',
  opcode: 25,
  inputs: ['x'],
  attrs: { dim: 'int', start: 'int', end: 'int', step: 'int' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    const { axis, count } = range(x.dims, attrs as Record<string, number>);
    return [{ dtype: x.dtype, dims: checkRank(this.name, x.dims).with(axis, count) }];
  },
  reference([x], attrs) {
    const dims = dimsOf(x);
    const { axis, start, step, count } = range(dims, attrs as Record<string, number>);
    const strides = denseStrides(dims);
    const stride = strides[axis] as number;
    return gathered(x, dims.with(axis, count), strides.with(axis, stride * step), start * stride);
  },
};

/** `end` of a slice that goes to the end of the dim. */
export const SLICE_TO_END = Number.MAX_SAFE_INTEGER;

function range(
  dims: Dims,
  { dim = 0, start: from = 0, end: to = SLICE_TO_END, step = 1 }: Record<string, number>,
): { axis: number; start: number; step: number; count: number } {
  if (dims.length === 0) throw shapeError('aten::slice', 'a tensor with a dim to slice', dims);
  const axis = checkAxis(dim, dims.length, 'aten::slice');
  if (![from, to, step].every(Number.isInteger) || step < 1) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[aten::slice] expected integers with step >= 1, got ${from}:${to}:${step}`,
    );
  }
  const size = dims[axis] as number;
  const inside = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
  const start = inside(from);
  const end = Math.max(inside(to), start);
  return { axis, start, step, count: Math.ceil((end - start) / step) };
}
