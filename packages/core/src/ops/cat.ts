import { DTYPES, type TypedArray } from '../tensor/dtype.js';
import { checkAxis, type Dims, sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attrNumber, checkRank, shapeError, tensorMeta } from './check.js';
import type { OpDef } from './op-def.js';

/** Tensors of one dtype joined along `dim`; all other dims must agree. At least one tensor, any dtype. */
export const cat: OpDef = {
  name: 'aten::cat',
  opcode: 29,
  inputs: ['tensors*'],
  attrs: { dim: 'int' },
  outputs: ['y'],
  infer(metas, attrs) {
    const first = tensorMeta(this.name, 'tensors[0]', metas[0]);
    const all = metas.map((meta, i) => tensorMeta(this.name, `tensors[${i}]`, meta, first.dtype).dims);
    return [{ dtype: first.dtype, dims: checkRank(this.name, joinedDims(all, attrNumber(attrs, 'dim', 0))) }];
  },
  reference(operands, attrs) {
    const tensors = operands as Tensor[];
    const dim = attrNumber(attrs, 'dim', 0);
    const { type } = tensors[0] as Tensor;
    const dims = joinedDims(
      tensors.map(({ raw }) => raw.dims),
      dim,
    );
    const axis = checkAxis(dim, dims.length, this.name);
    const out = new DTYPES[type].array(sizeOf(dims)) as TypedArray;
    const outer = sizeOf(dims.slice(0, axis));
    let at = 0;
    for (let i = 0; i < outer; i++) {
      for (const { raw } of tensors) {
        const run = sizeOf(raw.dims.slice(axis));
        out.set((raw.data as Uint8Array).subarray(i * run, (i + 1) * run) as never, at);
        at += run;
      }
    }
    return [new Tensor(type, out, dims)];
  },
};

function joinedDims(all: readonly Dims[], dim: number): number[] {
  const first = all[0] as Dims;
  if (first.length === 0) throw shapeError('aten::cat', 'tensors with a dim to join along', first);
  const axis = checkAxis(dim, first.length, 'aten::cat');
  const others = first.toSpliced(axis, 1).join();
  if (!all.every((dims) => dims.length === first.length && dims.toSpliced(axis, 1).join() === others)) {
    throw shapeError('aten::cat', `tensors that agree in all dims but ${dim}`, ...all);
  }
  return first.with(
    axis,
    all.reduce((sum, dims) => sum + (dims[axis] as number), 0),
  );
}
