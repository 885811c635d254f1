import { gemm } from '../numerics/gemm.js';
import { broadcastDims, broadcastStrides, type Dims, sizeOf } from '../tensor/shape.js';
import { forEachIndex } from '../tensor/strided.js';
import { Tensor } from '../tensor/tensor.js';
import { checkRank, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { OpDef } from './op-def.js';

/**
 * Batched matrix product, float32: a [..., m, k], b [..., k, n] -> [..., m, n]; the leading dims broadcast as NumPy's.
 * One FMA chain per output, k ascending (`numerics/gemm.ts`).
 */
export const matmul: OpDef = {
  name: 'aten::matmul',
  opcode: 20,
  inputs: ['a', 'b'],
  attrs: {},
  outputs: ['y'],
  infer([aMeta, bMeta]) {
    const a = tensorMeta(this.name, 'a', aMeta, 'float32').dims;
    const b = tensorMeta(this.name, 'b', bMeta, 'float32').dims;
    return [{ dtype: 'float32', dims: productDims(this.name, a, b) }];
  },
  reference([a, b]) {
    const dims = productDims('aten::matmul', dimsOf(a), dimsOf(b));
    const batch = dims.slice(0, -2);
    const [m, n] = dims.slice(-2) as [number, number];
    const k = dimsOf(a).at(-1) as number;
    const y = new Float32Array(sizeOf(dims));
    let at = 0;
    forEachIndex(batch, [matrixStrides(dimsOf(a), batch), matrixStrides(dimsOf(b), batch)], ([aStart, bStart]) => {
      gemm(
        { m, n, k },
        { data: floats(a), offset: aStart as number, row: k, column: 1 },
        { data: floats(b), offset: bStart as number, row: n, column: 1 },
        { data: y, offset: at, row: n },
      );
      at += m * n;
    });
    return [new Tensor('float32', y, dims)];
  },
};

/** [..., m, n] of a [..., m, k] and b [..., k, n], or a shape error. */
export function productDims(op: string, a: Dims, b: Dims): Dims {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) {
    throw shapeError(op, 'a [..., m, k] and b [..., k, n]', a, b);
  }
  const batch = broadcastDims(a.slice(0, -2), b.slice(0, -2), op);
  return checkRank(op, [...batch, a.at(-2) as number, b.at(-1) as number]);
}

/** Element strides of the batch dims of `dims` when broadcast to `batch`. */
export function matrixStrides(dims: Dims, batch: Dims): number[] {
  const matrix = sizeOf(dims.slice(-2));
  return broadcastStrides(dims.slice(0, -2), batch).map((stride) => stride * matrix);
}
