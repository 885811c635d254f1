import { dotProducts } from '../../numerics/dot-product.js';
import { requantize } from '../../numerics/requantize.js';
import type { LinearPackedParams } from '../../tensor/linear-packed-params.js';
import { sizeOf } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { dimsOf, packedMeta, shapeError, tensorMeta } from '../check.js';
import type { OpDef } from '../op-def.js';
import { centredWeight, checkStaticAttrs, STATIC_QPARAMS, staticRequantization } from './static-requantization.js';

/**
 * Static quantized linear, PyTorch's `quantized::linear` and, by `activation`, `quantized::linear_relu`:
 * x uint8 codes [..., in] of rank 2 or more with xScale and xZeroPoint, packed weight [out, in]
 * -> uint8 codes [..., out] with scale and zeroPoint.
 * acc = sum of (x - xZeroPoint) * (weight - weightZeroPoint), exact int32; codes from sums: `numerics/requantize.ts`.
 * activation: 0 none, 1 relu, 3 relu6.
 */
export const quantizedLinear: OpDef = {
  name: 'quantized::linear',
  opcode: 36,
  inputs: ['x', 'packed'],
  attrs: { ...STATIC_QPARAMS, activation: 'int' },
  outputs: ['y'],
  infer([xMeta, packedParams], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta, 'uint8');
    const packed = packedMeta(this.name, 'packed', packedParams);
    if (x.dims.length < 2 || x.dims.at(-1) !== packed.inFeatures) {
      throw shapeError(this.name, `x [..., ${packed.inFeatures}] of at least 2 dims for a packed weight`, x.dims);
    }
    checkStaticAttrs(this.name, attrs);
    return [{ dtype: 'uint8', dims: [...x.dims.slice(0, -1), packed.outFeatures] }];
  },
  reference([x, packedParams], attrs) {
    const packed = packedParams as LinearPackedParams;
    const { inFeatures: k, outFeatures: n } = packed;
    const codes = (x as Tensor<'uint8'>).raw.data;
    const outer = dimsOf(x).slice(0, -1);
    const rows = sizeOf(outer);
    const weight = centredWeight(packed);
    const how = staticRequantization(packed, n, attrs);
    const zeroPoint = attrs.xZeroPoint as number;
    const row = new Int32Array(k);
    const sums = new Int32Array(n);
    const y = new Uint8Array(rows * n);
    for (let i = 0; i < rows; i++) {
      for (let p = 0; p < k; p++) row[p] = (codes[i * k + p] as number) - zeroPoint;
      dotProducts(weight, 0, k, n, row, 0, k, sums);
      for (let j = 0; j < n; j++) y[i * n + j] = requantize(sums[j] as number, j, how);
    }
    return [new Tensor('uint8', y, [...outer, n])];
  },
};
