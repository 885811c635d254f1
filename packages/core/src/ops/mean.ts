import { laneSum } from '../numerics/lane-sum.js';
import { type Dims, sizeOf } from '../tensor/shape.js';
import { denseStrides, forEachIndex } from '../tensor/strided.js';
import { Tensor } from '../tensor/tensor.js';
import { attrList, attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { OpDef } from './op-def.js';
import { keptDims, reducedAxes } from './reduced-axes.js';

/**
 * The mean over `dims` (all of them when empty), float32, kept as dims of 1 with `keepDim` 1: the lane sum of the
 * elements in row-major order of the reduced axes, divided by their number.
 */
export const mean: OpDef = {
  name: 'aten::mean',
  opcode: 76,
  inputs: ['x'],
  attrs: { dims: 'ints', keepDim: 'int' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const { dims } = tensorMeta(this.name, 'x', xMeta, 'float32');
    const axes = reducedAxes(this.name, dims, attrList(attrs, 'dims'));
    if ([...axes].some((axis) => dims[axis] === 0)) throw shapeError(this.name, 'a mean over elements', dims);
    return [{ dtype: 'float32', dims: keptDims(dims, axes, attrNumber(attrs, 'keepDim', 0) === 1) }];
  },
  reference([x], attrs) {
    const [data, dims] = [floats(x), dimsOf(x)];
    const axes = reducedAxes(this.name, dims, attrList(attrs, 'dims'));
    const strides = denseStrides(dims);
    const reduced = [...axes].sort((a, b) => a - b);
    const kept = [...dims.keys()].filter((axis) => !axes.has(axis));
    const pick = (from: Dims, which: readonly number[]): number[] => which.map((axis) => from[axis] as number);
    const offsets: number[] = [];
    forEachIndex(pick(dims, reduced), [pick(strides, reduced)], ([offset]) => offsets.push(offset as number));
    const y = new Float32Array(sizeOf(pick(dims, kept)));
    let at = 0;
    forEachIndex(pick(dims, kept), [pick(strides, kept)], ([start]) => {
      const sum = laneSum(offsets.length, (i) => data[(start as number) + (offsets[i] as number)] as number);
      y[at++] = sum / offsets.length;
    });
    return [new Tensor('float32', y, keptDims(dims, axes, attrNumber(attrs, 'keepDim', 0) === 1))];
  },
};
