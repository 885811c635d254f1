import { fma } from '../../numerics/fma.js';
import { dequantizeValue, inverseScale, quantizeValue } from '../../numerics/quantize.js';
import { broadcastDims, broadcastStrides } from '../../tensor/shape.js';
import { forEachIndex } from '../../tensor/strided.js';
import { attrNumber, checkRank } from '../check.js';
import type { Attrs, OpDef } from '../op-def.js';
import { BINARY_QPARAMS, checkQParamAttrs, codeRange, codesMeta, codesOf, codesTensor, qparamsOf } from './codes.js';

const f = Math.fround;

/** What a binary op does with two codes, once its attributes are known: the code before the clamp at the zero point. */
type Rule = (attrs: Attrs, qmin: number, qmax: number) => (a: number, b: number) => number;

/** An element-wise op of two tensors of codes under NumPy's broadcast; `relu` 1 clamps below at the zero point. */
function binary(name: string, opcode: number, rule: Rule): OpDef {
  return {
    name,
    opcode,
    inputs: ['a', 'b'],
    attrs: { ...BINARY_QPARAMS, relu: 'int' },
    outputs: ['y'],
    infer([aMeta, bMeta], attrs) {
      const a = codesMeta(name, 'a', aMeta);
      const b = codesMeta(name, 'b', bMeta, a.dtype);
      checkQParamAttrs(name, attrs, a.dtype, 'a', 'b', '');
      return [{ dtype: a.dtype, dims: checkRank(name, broadcastDims(a.dims, b.dims, name)) }];
    },
    reference(inputs, attrs) {
      const [a, b] = inputs.map(codesOf) as [ReturnType<typeof codesOf>, ReturnType<typeof codesOf>];
      const { qmin, qmax } = codeRange(a.type);
      const low = attrNumber(attrs, 'relu', 0) === 1 ? qparamsOf(attrs, '').zeroPoint : qmin;
      const fn = rule(attrs, qmin, qmax);
      const dims = broadcastDims(a.dims, b.dims, name);
      return [
        codesTensor(a.type, dims, (y) => {
          let at = 0;
          forEachIndex(dims, [broadcastStrides(a.dims, dims), broadcastStrides(b.dims, dims)], ([i, j]) => {
            y[at++] = Math.max(low, fn(a.data[i as number] as number, b.data[j as number] as number));
          });
        }),
      ];
    },
  };
}

/**
 * Sum of codes: quantize(dequantize(a) + dequantize(b)), float32 after every operation, everywhere. PyTorch's
 * `quantized::add` and `add_relu`; its vector loop dequantizes with an FMA, so that it differs by one code at ties.
 */
export const quantizedAdd = binary('quantized::add', 50, (attrs, qmin, qmax) => {
  const [a, b, y] = [qparamsOf(attrs, 'a'), qparamsOf(attrs, 'b'), qparamsOf(attrs, '')];
  const inverse = inverseScale(y.scale);
  return (qa, qb) => {
    const sum = f(dequantizeValue(qa, a.scale, a.zeroPoint) + dequantizeValue(qb, b.scale, b.zeroPoint));
    return quantizeValue(sum, inverse, y.zeroPoint, qmin, qmax);
  };
});

/**
 * Product of codes: zeroPoint + rint(f((qa - za) (qb - zb)) * m) with m = f(f(aScale * bScale) * f(1 / scale)).
 * PyTorch's `quantized::mul` and `mul_relu`.
 */
export const quantizedMul = binary('quantized::mul', 51, (attrs, qmin, qmax) => {
  const [a, b, y] = [qparamsOf(attrs, 'a'), qparamsOf(attrs, 'b'), qparamsOf(attrs, '')];
  const multiplier = f(f(a.scale * b.scale) * inverseScale(y.scale));
  return (qa, qb) => quantizeValue(f((qa - a.zeroPoint) * (qb - b.zeroPoint)), multiplier, y.zeroPoint, qmin, qmax);
});

/**
 * Sum of codes as ONNX Runtime's QLinearAdd rounds it where there is AVX2, found by comparing all pairs of codes:
 * rint(fma(a, ra, fma(b, rb, offset))) of the codes a and b themselves, with ra = f(aScale / scale),
 * rb = f(bScale / scale) and offset = f(zeroPoint - fma(ra, za, f(rb zb))). Other codes than `quantized::add` at ties.
 * Codes and zero points that lie `shift` above those of the model (128 for a model of int8 codes, here in uint8) are
 * less it in the formula.
 */
export const addLinear: OpDef = {
  name: 'octavo::add_linear',
  opcode: 172,
  inputs: ['a', 'b'],
  attrs: { ...BINARY_QPARAMS, shift: 'int' },
  outputs: ['y'],
  infer: quantizedAdd.infer,
  reference(inputs, attrs) {
    const [a, b] = inputs.map(codesOf) as [ReturnType<typeof codesOf>, ReturnType<typeof codesOf>];
    const [qa, qb, out] = [qparamsOf(attrs, 'a'), qparamsOf(attrs, 'b'), qparamsOf(attrs, '')];
    const shift = attrNumber(attrs, 'shift', 0);
    const [ra, rb] = [f(qa.scale / out.scale), f(qb.scale / out.scale)];
    const zeros = fma(ra, qa.zeroPoint - shift, f(rb * (qb.zeroPoint - shift)));
    const offset = f(out.zeroPoint - shift - zeros);
    const { qmin, qmax } = codeRange(a.type);
    const dims = broadcastDims(a.dims, b.dims, this.name);
    return [
      codesTensor(a.type, dims, (y) => {
        let at = 0;
        forEachIndex(dims, [broadcastStrides(a.dims, dims), broadcastStrides(b.dims, dims)], ([i, j]) => {
          const right = fma((b.data[j as number] as number) - shift, rb, offset);
          const sum = fma((a.data[i as number] as number) - shift, ra, right);
          y[at++] = quantizeValue(sum, 1, shift, qmin, qmax);
        });
      }),
    ];
  },
};
