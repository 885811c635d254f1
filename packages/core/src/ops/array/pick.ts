import { OctavoError } from '../../errors.js';
import { DTYPES, type TypedArray } from '../../tensor/dtype.js';
import { broadcastDims, broadcastStrides, checkAxis, type Dims, sizeOf } from '../../tensor/shape.js';
import { denseStrides, gather as gatherStrided } from '../../tensor/strided.js';
import { Tensor } from '../../tensor/tensor.js';
import { attrList, attrNumber, checkRank, dimsOf, shapeError, tensorMeta } from '../check.js';
import type { Attrs, OpDef, Operand, TensorMeta } from '../op-def.js';
import { forBroadcast } from './numeric.js';

// Ops that pick elements by condition, index or repetition: any dtype.

/** An array of elements that are copied and not looked at. */
type Elements = unknown[] & TypedArray;

function newArray(like: Operand | null | undefined, size: number): Elements {
  return new DTYPES[(like as Tensor).type].array(size) as Elements;
}

/** condition bool, a and b of one dtype, all broadcast together -> a where the condition holds, else b. */
const where: OpDef = {
  name: 'aten::where',
  opcode: 143,
  inputs: ['condition', 'a', 'b'],
  attrs: {},
  outputs: ['y'],
  infer([conditionMeta, aMeta, bMeta]) {
    const condition = tensorMeta(this.name, 'condition', conditionMeta, 'bool');
    const a = tensorMeta(this.name, 'a', aMeta);
    const b = tensorMeta(this.name, 'b', bMeta, a.dtype);
    const dims = broadcastDims(broadcastDims(condition.dims, a.dims, this.name), b.dims, this.name);
    return [{ dtype: a.dtype, dims: checkRank(this.name, dims) }];
  },
  reference([condition, a, b]) {
    const dims = broadcastDims(broadcastDims(dimsOf(condition), dimsOf(a), this.name), dimsOf(b), this.name);
    const y = newArray(a, sizeOf(dims));
    const test = (condition as Tensor<'bool'>).raw.data;
    const [x, z] = [(a as Tensor).raw.data, (b as Tensor).raw.data];
    forBroadcast(dims, [dimsOf(condition), dimsOf(a), dimsOf(b)], (at, [c, i, j]) => {
      y[at] = (test[c as number] === 0 ? z[j as number] : x[i as number]) as never;
    });
    return [new Tensor((a as Tensor).type, y, dims)];
  },
};

/** An index resolved from the end when negative, or an INVALID_DATA error. */
function checkIndex(op: string, index: number | bigint, size: number): number {
  const resolved = Number(index) < 0 ? Number(index) + size : Number(index);
  if (resolved >= 0 && resolved < size) return resolved;
  throw new OctavoError('INVALID_DATA', `[${op}] index ${index} is outside a dim of ${size}`, {
    details: { index: String(index), size },
  });
}

/**
 * Slices of x by index along `dim` (`numpy.take`, ONNX Gather): indices int64 or int32 of any shape, negative ones from
 * the end -> x.dims with `dim` replaced by the dims of the indices.
 */
const take: OpDef = {
  name: 'octavo::take',
  opcode: 144,
  inputs: ['x', 'indices'],
  attrs: { dim: 'int' },
  outputs: ['y'],
  infer([xMeta, indicesMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    const indices = tensorMeta(this.name, 'indices', indicesMeta, 'int64', 'int32');
    if (x.dims.length === 0) throw shapeError(this.name, 'a tensor with a dim to take from', x.dims);
    const axis = checkAxis(attrNumber(attrs, 'dim', 0), x.dims.length, this.name);
    return [{ dtype: x.dtype, dims: checkRank(this.name, x.dims.toSpliced(axis, 1, ...indices.dims)) }];
  },
  reference([x, indices], attrs) {
    const { type, raw } = x as Tensor;
    const axis = checkAxis(attrNumber(attrs, 'dim', 0), raw.dims.length, this.name);
    const rows = (indices as Tensor<'int64' | 'int32'>).raw.data;
    const size = raw.dims[axis] as number;
    const run = sizeOf(raw.dims.slice(axis + 1));
    const outer = sizeOf(raw.dims.slice(0, axis));
    const dims = raw.dims.toSpliced(axis, 1, ...dimsOf(indices));
    const y = newArray(x, sizeOf(dims)) as unknown as Uint8Array;
    let at = 0;
    for (let o = 0; o < outer; o++) {
      for (const row of rows) {
        const from = (o * size + checkIndex(this.name, row, size)) * run;
        y.set((raw.data as Uint8Array).subarray(from, from + run), at);
        at += run;
      }
    }
    return [new Tensor(type, y as never, dims)];
  },
};

/** y[i][j] = x[index[i][j]][j] for `dim` 0, and so on (`torch.gather`, ONNX GatherElements); the dims of the index. */
const gatherElements: OpDef = {
  name: 'aten::gather',
  opcode: 145,
  inputs: ['x', 'index'],
  attrs: { dim: 'int' },
  outputs: ['y'],
  infer([xMeta, indexMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    const { dims } = tensorMeta(this.name, 'index', indexMeta, 'int64', 'int32');
    const axis = checkAxis(attrNumber(attrs, 'dim', 0), x.dims.length, this.name);
    const fits = dims.length === x.dims.length && dims.every((dim, i) => i === axis || dim <= (x.dims[i] as number));
    if (!fits) throw shapeError(this.name, `an index that lies inside x but for dim ${axis}`, x.dims, dims);
    return [{ dtype: x.dtype, dims }];
  },
  reference([x, index], attrs) {
    const { type, raw } = x as Tensor;
    const dims = dimsOf(index);
    const axis = checkAxis(attrNumber(attrs, 'dim', 0), dims.length, this.name);
    const strides = denseStrides(raw.dims);
    const rows = (index as Tensor<'int64'>).raw.data;
    const own = denseStrides(dims);
    const y = newArray(x, sizeOf(dims));
    for (let at = 0; at < y.length; at++) {
      let from = checkIndex(this.name, rows[at] as bigint, raw.dims[axis] as number) * (strides[axis] as number);
      for (let d = 0; d < dims.length; d++) {
        if (d !== axis) from += (Math.floor(at / (own[d] as number)) % (dims[d] as number)) * (strides[d] as number);
      }
      y[at] = raw.data[from] as never;
    }
    return [new Tensor(type, y, dims)];
  },
};

/** x broadcast to `dims`, both ways as ONNX's Expand: a dim of 1 in `dims` keeps x's. */
const expand: OpDef = {
  name: 'aten::expand',
  opcode: 146,
  inputs: ['x'],
  attrs: { dims: 'ints' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    const dims = attrList(attrs, 'dims');
    if (dims.some((dim) => dim < 0)) throw shapeError(this.name, 'dims of 0 or more', dims);
    return [{ dtype: x.dtype, dims: checkRank(this.name, broadcastDims(x.dims, dims, this.name)) }];
  },
  reference([x], attrs) {
    const dims = broadcastDims(dimsOf(x), attrList(attrs, 'dims'), this.name);
    return strided(x, dims, broadcastStrides(dimsOf(x), dims), 0);
  },
};

function strided(x: Operand | null | undefined, dims: Dims, strides: readonly number[], offset: number): Tensor[] {
  const y = newArray(x, sizeOf(dims));
  gatherStrided((x as Tensor).raw.data as Uint8Array, y as unknown as Uint8Array, dims, strides, offset);
  return [new Tensor((x as Tensor).type, y, dims)];
}

/** x repeated `repeats[i]` times along dim i (`torch.Tensor.repeat`, ONNX Tile); as many repeats as dims. */
const repeat: OpDef = {
  name: 'aten::repeat',
  opcode: 147,
  inputs: ['x'],
  attrs: { repeats: 'ints' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    const repeats = attrList(attrs, 'repeats');
    if (repeats.length !== x.dims.length || repeats.some((times) => times < 0)) {
      throw shapeError(this.name, `a repeat of 0 or more for each of ${x.dims.length} dims`, repeats);
    }
    return [{ dtype: x.dtype, dims: x.dims.map((dim, i) => dim * (repeats[i] as number)) }];
  },
  reference([x], attrs) {
    const own = dimsOf(x);
    const repeats = attrList(attrs, 'repeats');
    const strides = denseStrides(own);
    // Each dim as [repeats, dim], where the first has a stride of 0.
    const [tiled] = strided(
      x,
      own.flatMap((dim, i) => [repeats[i] as number, dim]),
      strides.flatMap((stride) => [0, stride]),
      0,
    ) as [Tensor];
    return [
      new Tensor(
        tiled.type,
        tiled.raw.data,
        own.map((dim, i) => dim * (repeats[i] as number)),
      ),
    ];
  },
};

/** x with its elements in reverse order along each of `dims`. */
const flip: OpDef = {
  name: 'aten::flip',
  opcode: 148,
  inputs: ['x'],
  attrs: { dims: 'ints' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    for (const dim of attrList(attrs, 'dims')) checkAxis(dim, x.dims.length, this.name);
    return [{ dtype: x.dtype, dims: checkRank(this.name, x.dims) }];
  },
  reference([x], attrs) {
    const dims = dimsOf(x);
    const strides = denseStrides(dims);
    let offset = 0;
    for (const dim of new Set(attrList(attrs, 'dims').map((d) => checkAxis(d, dims.length, this.name)))) {
      offset += ((dims[dim] as number) - 1) * (strides[dim] as number);
      strides[dim] = -(strides[dim] as number);
    }
    return strided(x, dims, strides, sizeOf(dims) === 0 ? 0 : offset);
  },
};

/** How a pad fills itself from x: mirrored without the edge, the edge itself, or from the other end. */
export const PAD_MODES = { reflect: 0, edge: 1, wrap: 2 } as const;

const PAD_SOURCE: readonly ((at: number, size: number) => number)[] = [
  (at, size) => {
    const period = Math.max(2 * (size - 1), 1);
    const folded = ((at % period) + period) % period;
    return folded < size ? folded : period - folded;
  },
  (at, size) => Math.min(Math.max(at, 0), size - 1),
  (at, size) => ((at % size) + size) % size,
];

/** x with pads [begin..., end...] for each dim, taken from x itself by `mode`; a negative pad takes elements away. */
const padFrom: OpDef = {
  name: 'octavo::pad_from',
  opcode: 149,
  inputs: ['x'],
  attrs: { padding: 'ints', mode: 'int' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    const mode = attrNumber(attrs, 'mode', 0);
    if (PAD_SOURCE[mode] === undefined) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${this.name}] mode must be 0 to ${PAD_SOURCE.length - 1}, got ${mode}`,
      );
    }
    const dims = paddedDims(this.name, x.dims, attrList(attrs, 'padding'));
    if (dims.some((dim, i) => dim > 0 && x.dims[i] === 0)) throw shapeError(this.name, 'elements to pad from', x.dims);
    return [{ dtype: x.dtype, dims }];
  },
  reference([x], attrs) {
    const padding = attrList(attrs, 'padding');
    const { type, raw } = x as Tensor;
    const dims = paddedDims(this.name, raw.dims, padding);
    const source = PAD_SOURCE[attrNumber(attrs, 'mode', 0)] as (at: number, size: number) => number;
    const strides = denseStrides(raw.dims);
    const own = denseStrides(dims);
    const y = newArray(x, sizeOf(dims));
    for (let at = 0; at < y.length; at++) {
      let from = 0;
      for (let d = 0; d < dims.length; d++) {
        const index = (Math.floor(at / (own[d] as number)) % (dims[d] as number)) - (padding[d] as number);
        from += source(index, raw.dims[d] as number) * (strides[d] as number);
      }
      y[at] = raw.data[from] as never;
    }
    return [new Tensor(type, y, dims)];
  },
};

function paddedDims(op: string, dims: Dims, padding: Dims): Dims {
  const padded = dims.map((dim, i) => dim + (padding[i] as number) + (padding[dims.length + i] as number));
  if (padding.length !== 2 * dims.length || padded.some((dim) => dim < 0)) {
    throw shapeError(op, `[begin..., end...] pads for each of ${dims.length} dims`, dims, padding);
  }
  return padded;
}

/** x of rank 2 or more with elements below (`upper` 1) or above (0) the diagonal `diagonal` of each matrix set to 0. */
const tri: OpDef = {
  name: 'octavo::tri',
  opcode: 150,
  inputs: ['x'],
  attrs: { diagonal: 'int', upper: 'int' },
  outputs: ['y'],
  infer([xMeta]) {
    const x = tensorMeta(this.name, 'x', xMeta);
    if (x.dims.length < 2) throw shapeError(this.name, 'x [..., rows, columns]', x.dims);
    return [x];
  },
  reference([x], attrs) {
    const { type, raw } = x as Tensor;
    const [rows, columns] = raw.dims.slice(-2) as [number, number];
    const diagonal = attrNumber(attrs, 'diagonal', 0);
    const upper = attrNumber(attrs, 'upper', 1) === 1;
    const y = raw.data.slice() as Elements;
    for (let at = 0; at < y.length; at++) {
      const above = (at % columns) - (Math.floor(at / columns) % rows) - diagonal;
      if (upper ? above < 0 : above > 0) y[at] = (type === 'int64' ? 0n : 0) as never;
    }
    return [new Tensor(type, y, raw.dims)];
  },
};

function aliasOp(
  name: string,
  opcode: number,
  kind: 'dims' | 'dim',
  dimsAfter: (dims: Dims, attr: Dims) => Dims,
): OpDef {
  const asked = (attrs: Parameters<OpDef['infer']>[1]): Dims =>
    kind === 'dims' ? attrList(attrs, 'dims') : [attrNumber(attrs, 'dim', 1)];
  return {
    name,
    opcode,
    inputs: ['x'],
    attrs: kind === 'dims' ? { dims: 'ints' } : { dim: 'int' },
    outputs: ['y'],
    alias: true,
    infer([xMeta], attrs): TensorMeta[] {
      const x = tensorMeta(name, 'x', xMeta);
      return [{ dtype: x.dtype, dims: dimsAfter(x.dims, asked(attrs)) }];
    },
    reference([x], attrs) {
      const { type, raw } = x as Tensor;
      return [new Tensor(type, raw.data, dimsAfter(raw.dims, asked(attrs)))];
    },
  };
}

/** x without the dims `dims`, each of which must be 1. */
const squeeze = aliasOp('aten::squeeze', 151, 'dims', (dims, asked) => {
  const axes = asked.map((axis) => checkAxis(axis, dims.length, 'aten::squeeze'));
  const full = axes.find((axis) => dims[axis] !== 1);
  if (full !== undefined) throw shapeError('aten::squeeze', `dim ${full} to be 1`, dims);
  return dims.filter((_, axis) => !axes.includes(axis));
});

/** x as a matrix: [product of the dims before `dim`, product of the others] (ONNX Flatten); `dim` may be the rank. */
const matrix = aliasOp('octavo::flatten_to_matrix', 152, 'dim', (dims, [dim]) => {
  const axis = checkAxis(dim as number, dims.length + 1, 'octavo::flatten_to_matrix');
  // A negative axis counts from the rank, not from the place behind the last dim.
  const at = (dim as number) < 0 ? axis - 1 : axis;
  return [sizeOf(dims.slice(0, at)), sizeOf(dims.slice(at))];
});

/**
 * x[:n] along `dim`, where n is the size of `like` along `likeDim`, or all of x where that is larger: tables of positions
 * and masks cut to a batch's length.
 */
export const sliceLike: OpDef = {
  name: 'octavo::slice_like',
  opcode: 171,
  inputs: ['x', 'like'],
  attrs: { dim: 'int', likeDim: 'int' },
  outputs: ['y'],
  infer([xMeta, likeMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    return [{ dtype: x.dtype, dims: cutDims(x.dims, tensorMeta(this.name, 'like', likeMeta).dims, attrs) }];
  },
  reference([x, like], attrs) {
    const dims = cutDims(dimsOf(x), dimsOf(like), attrs);
    return strided(x, dims, denseStrides(dimsOf(x)), 0);
  },
};

function cutDims(x: Dims, like: Dims, attrs: Attrs): number[] {
  const axis = checkAxis(attrNumber(attrs, 'dim', 0), x.length, 'octavo::slice_like');
  const size = like[checkAxis(attrNumber(attrs, 'likeDim', 0), like.length, 'octavo::slice_like')] as number;
  return x.with(axis, Math.min(x[axis] as number, size));
}

/** x, which has a dim of 1 along `dim`, repeated there as often as `like` is long along `likeDim`. */
const expandLike: OpDef = {
  name: 'octavo::expand_like',
  opcode: 186,
  inputs: ['x', 'like'],
  attrs: { dim: 'int', likeDim: 'int' },
  outputs: ['y'],
  infer([xMeta, likeMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    return [{ dtype: x.dtype, dims: repeatedDims(x.dims, tensorMeta(this.name, 'like', likeMeta).dims, attrs) }];
  },
  reference([x, like], attrs) {
    const dims = repeatedDims(dimsOf(x), dimsOf(like), attrs);
    return strided(x, dims, broadcastStrides(dimsOf(x), dims), 0);
  },
};

function repeatedDims(x: Dims, like: Dims, attrs: Attrs): number[] {
  const axis = checkAxis(attrNumber(attrs, 'dim', 0), x.length, 'octavo::expand_like');
  if (x[axis] !== 1) throw shapeError('octavo::expand_like', 'a dim of 1 to repeat', x);
  return x.with(axis, like[checkAxis(attrNumber(attrs, 'likeDim', 0), like.length, 'octavo::expand_like')] as number);
}

/** The dims of x (any dtype) as a tensor: int64 [rank]. PyTorch's `torch._shape_as_tensor`, ONNX's Shape. */
const shapeAsTensor: OpDef = {
  name: 'aten::_shape_as_tensor',
  opcode: 185,
  inputs: ['x'],
  attrs: {},
  outputs: ['y'],
  infer([xMeta]) {
    return [{ dtype: 'int64', dims: [tensorMeta(this.name, 'x', xMeta).dims.length] }];
  },
  reference([x]) {
    const dims = dimsOf(x);
    return [new Tensor('int64', BigInt64Array.from(dims, BigInt), [dims.length])];
  },
};

/** Ops over the dims of values that a run alone knows: opcodes 185 and 186. */
export const SHAPE_VALUE_OPS: readonly OpDef[] = [shapeAsTensor, expandLike];

export const PICK_OPS: readonly OpDef[] = [
  where,
  take,
  gatherElements,
  expand,
  repeat,
  flip,
  padFrom,
  tri, // 150
  squeeze,
  matrix,
];
