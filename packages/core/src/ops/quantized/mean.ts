import { type Dims, sizeOf } from '../../tensor/shape.js';
import { denseStrides, forEachIndex } from '../../tensor/strided.js';
import { attrList, attrNumber, shapeError } from '../check.js';
import type { OpDef } from '../op-def.js';
import { keptDims, reducedAxes } from '../reduced-axes.js';
import { codesMeta, codesOf, codesTensor } from './codes.js';
import { checkMeanAttrs, meanRule, OWN_QPARAMS } from './pool.js';

/**
 * The mean over `dims` (all of them when empty), kept as dims of 1 with `keepdim` 1: the sum of codes is exact, and
 * the rest is the average pools' formula (`MeanRule`). PyTorch's `torch.mean` of codes dequantizes
 * and adds floats.
 */
export const quantizedMean: OpDef = {
  name: 'quantized::mean',
  opcode: 67,
  inputs: ['x'],
  attrs: { dims: 'ints', keepdim: 'int', xZeroPoint: 'int' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const { dtype, dims } = codesMeta(this.name, 'x', xMeta);
    checkMeanAttrs(this.name, attrs, dtype);
    const axes = reducedAxes(this.name, dims, attrList(attrs, 'dims'));
    if ([...axes].some((axis) => dims[axis] === 0)) throw shapeError(this.name, 'a mean over elements', dims);
    return [{ dtype, dims: keptDims(dims, axes, attrNumber(attrs, 'keepdim', 0) === 1) }];
  },
  reference([x], attrs) {
    const { type, data, dims } = codesOf(x);
    const axes = reducedAxes(this.name, dims, attrList(attrs, 'dims'));
    const { xZeroPoint, code } = meanRule(attrs, type);
    const strides = denseStrides(dims);
    const [kept, reduced] = [[...dims.keys()].filter((axis) => !axes.has(axis)), [...axes]];
    const pick = (from: Dims, which: readonly number[]): number[] => which.map((axis) => from[axis] as number);
    const count = sizeOf(pick(dims, reduced));
    return [
      codesTensor(type, keptDims(dims, axes, attrNumber(attrs, 'keepdim', 0) === 1), (y) => {
        let at = 0;
        forEachIndex(pick(dims, kept), [pick(strides, kept)], ([start]) => {
          let sum = 0;
          forEachIndex(pick(dims, reduced), [pick(strides, reduced)], ([offset]) => {
            sum += (data[(start as number) + (offset as number)] as number) - xZeroPoint;
          });
          y[at++] = code(sum, count);
        });
      }),
    ];
  },
};

/** `mean` with qparams of the result's own: ONNX's ReduceMean between codes. */
export const meanLinear: OpDef = {
  ...quantizedMean,
  name: 'octavo::mean_linear',
  opcode: 175,
  attrs: { ...quantizedMean.attrs, ...OWN_QPARAMS },
};
