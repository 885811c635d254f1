import { inverseScale, quantizeValue } from '../../numerics/quantize.js';
import { forEachIndex } from '../../tensor/strided.js';
import { matrixStrides, productDims } from '../matmul.js';
import type { OpDef } from '../op-def.js';
import { BINARY_QPARAMS, checkQParamAttrs, codeRange, codesMeta, codesOf, codesTensor, qparamsOf } from './codes.js';

const f = Math.fround;

/**
 * Batched matrix product of codes, a [..., m, k], b [..., k, n] -> [..., m, n], leading dims broadcast:
 * acc = sum of (qa - za) (qb - zb), exact int32; y = zeroPoint + rint(f(acc) * f(f(aScale * bScale) * f(1 / scale))).
 * PyTorch's `quantized::matmul`.
 */
export const quantizedMatmul: OpDef = {
  name: 'quantized::matmul',
  opcode: 74,
  inputs: ['a', 'b'],
  attrs: BINARY_QPARAMS,
  outputs: ['y'],
  infer([aMeta, bMeta], attrs) {
    const a = codesMeta(this.name, 'a', aMeta);
    const b = codesMeta(this.name, 'b', bMeta, a.dtype);
    checkQParamAttrs(this.name, attrs, a.dtype, 'a', 'b', '');
    return [{ dtype: a.dtype, dims: productDims(this.name, a.dims, b.dims) }];
  },
  reference(inputs, attrs) {
    const [a, b] = inputs.map(codesOf) as [ReturnType<typeof codesOf>, ReturnType<typeof codesOf>];
    const [qa, qb, out] = [qparamsOf(attrs, 'a'), qparamsOf(attrs, 'b'), qparamsOf(attrs, '')];
    const { qmin, qmax } = codeRange(a.type);
    const multiplier = f(f(qa.scale * qb.scale) * inverseScale(out.scale));
    const dims = productDims(this.name, a.dims, b.dims);
    const [m, n] = dims.slice(-2) as [number, number];
    const k = a.dims.at(-1) as number;
    const batch = dims.slice(0, -2);
    return [
      codesTensor(a.type, dims, (y) => {
        let at = 0;
        forEachIndex(batch, [matrixStrides(a.dims, batch), matrixStrides(b.dims, batch)], (starts) => {
          const [aStart, bStart] = starts as [number, number];
          for (let i = 0; i < m; i++) {
            for (let j = 0; j < n; j++) {
              let sum = 0;
              for (let p = 0; p < k; p++) {
                const left = (a.data[aStart + i * k + p] as number) - qa.zeroPoint;
                const right = (b.data[bStart + p * n + j] as number) - qb.zeroPoint;
                sum = (sum + left * right) | 0;
              }
              y[at++] = quantizeValue(f(sum), multiplier, out.zeroPoint, qmin, qmax);
            }
          }
        });
      }),
    ];
  },
};
