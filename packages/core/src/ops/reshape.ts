import { checkAxis, type Dims, resolveReshape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attrList, attrNumber, checkRank, dimsOf, tensorMeta } from './check.js';
import type { Attrs, OpDef, Operand } from './op-def.js';

// Ops that give a tensor other dims and leave its elements where they are.

function sameData(x: Operand | null | undefined, dims: Dims): Tensor[] {
  const { type, raw } = x as Tensor;
  return [new Tensor(type, raw.data, dims)];
}

/** Any dtype under other dims: `0` copies the input's dim at that place, one `-1` takes what is left (ONNX Reshape). */
export const reshape: OpDef = {
  name: 'aten::reshape',
  opcode: 22,
  inputs: ['x'],
  attrs: { dims: 'ints' },
  outputs: ['y'],
  alias: true,
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    const dims = resolveReshape(x.dims, attrList(attrs, 'dims'), this.name);
    return [{ dtype: x.dtype, dims: checkRank(this.name, dims) }];
  },
  reference([x], attrs) {
    return sameData(x, resolveReshape(dimsOf(x), attrList(attrs, 'dims'), this.name));
  },
};

/** As `aten::reshape`; -2 - i copies the dim i of `like`. */
export const reshapeLike: OpDef = {
  name: 'octavo::reshape_like',
  opcode: 187,
  inputs: ['x', 'like'],
  attrs: { dims: 'ints' },
  outputs: ['y'],
  infer([xMeta, likeMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    return [{ dtype: x.dtype, dims: likeDims(x.dims, tensorMeta(this.name, 'like', likeMeta).dims, attrs) }];
  },
  reference([x, like], attrs) {
    return sameData(x, likeDims(dimsOf(x), dimsOf(like), attrs));
  },
};

function likeDims(x: Dims, like: Dims, attrs: Attrs): number[] {
  const op = reshapeLike.name;
  const asked = attrList(attrs, 'dims').map((dim) =>
    dim < -1 ? (like[checkAxis(-2 - dim, like.length, op)] as number) : dim,
  );
  return checkRank(op, resolveReshape(x, asked, op)) as number[];
}

/** A dim of size 1 put in at `dim` (from the end when negative: -1 is the new last dim), any dtype. */
export const unsqueeze: OpDef = {
  name: 'aten::unsqueeze',
  opcode: 26,
  inputs: ['x'],
  attrs: { dim: 'int' },
  outputs: ['y'],
  alias: true,
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta);
    return [{ dtype: x.dtype, dims: checkRank(this.name, unsqueezed(x.dims, attrNumber(attrs, 'dim', 0))) }];
  },
  reference([x], attrs) {
    return sameData(x, unsqueezed(dimsOf(x), attrNumber(attrs, 'dim', 0)));
  },
};

function unsqueezed(dims: Dims, dim: number): number[] {
  return dims.toSpliced(checkAxis(dim, dims.length + 1, 'aten::unsqueeze'), 0, 1);
}
