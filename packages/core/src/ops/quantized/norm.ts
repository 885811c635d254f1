import { OctavoError } from '../../errors.js';
import { fma } from '../../numerics/fma.js';
import { inverseScale, quantizeValue } from '../../numerics/quantize.js';
import { type Dims, sizeOf } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { attrNumber, floats, shapeError, tensorMeta } from '../check.js';
import type { AttrKind, Attrs, OpDef, Operand, OperandMeta } from '../op-def.js';
import { checkQParamAttrs, codeRange, codesMeta, codesOf, codesTensor, qparamsOf } from './codes.js';
import { lowestCode } from './table.js';

const f = Math.fround;

const QPARAMS = { xScale: 'float', xZeroPoint: 'int', scale: 'float', zeroPoint: 'int' } as const satisfies Record<
  string,
  AttrKind
>;

function checkEps(op: string, attrs: Attrs): void {
  if ((attrs.eps as number) >= 0 && Number.isFinite(attrs.eps)) return;
  throw new OctavoError('INVALID_ARGUMENT', `[${op}] eps must be finite and not negative, got ${String(attrs.eps)}`);
}

/** Operands by name that must be float32 of these dims; optional ones may be null. */
function checkFloats(op: string, metas: Readonly<Record<string, OperandMeta | null | undefined>>, dims: Dims): void {
  for (const [name, meta] of Object.entries(metas)) {
    if (name.endsWith('?') && !meta) continue;
    const got = tensorMeta(op, name.replace('?', ''), meta, 'float32').dims;
    if (got.join() !== dims.join()) throw shapeError(op, `${name.replace('?', '')} [${dims.join(', ')}]`, got);
  }
}

/**
 * Batch normalisation with known statistics over codes x [n, channels, ...]: for each channel, float32 after every
 * operation, s = f(1 / f(sqrt(var + eps))), alpha = s weight (xScale / scale), beta = (bias - mean s weight) / scale;
 * y = zeroPoint + rint(fma(alpha, code - xZeroPoint, beta)); `relu` 1 clamps below at the zero point.
 * PyTorch's `quantized::batch_norm2d` and `batch_norm2d_relu`, for any number of spatial dims.
 */
export const quantizedBatchNorm: OpDef = {
  name: 'quantized::batch_norm',
  opcode: 70,
  inputs: ['x', 'weight?', 'bias?', 'mean', 'var'],
  attrs: { eps: 'float', ...QPARAMS, relu: 'int' },
  outputs: ['y'],
  infer([xMeta, weight, bias, mean, variance], attrs) {
    const x = codesMeta(this.name, 'x', xMeta);
    if (x.dims.length < 2) throw shapeError(this.name, 'x [n, channels, ...]', x.dims);
    checkFloats(this.name, { 'weight?': weight, 'bias?': bias, mean, var: variance }, [x.dims[1] as number]);
    checkEps(this.name, attrs);
    checkQParamAttrs(this.name, attrs, x.dtype, 'x', '');
    return [x];
  },
  reference([xOperand, weight, bias, mean, variance], attrs) {
    const { type, data, dims } = codesOf(xOperand);
    const { qmin, qmax } = codeRange(type);
    const [x, out] = [qparamsOf(attrs, 'x'), qparamsOf(attrs, '')];
    const eps = f(attrs.eps as number);
    const low = lowestCode(attrs, out.zeroPoint, qmin);
    const [count, channels] = dims as [number, number];
    const run = sizeOf(dims.slice(2));
    return [
      codesTensor(type, dims, (y) => {
        for (let c = 0; c < channels; c++) {
          const inverse = f(1 / f(Math.sqrt(f((floats(variance)[c] as number) + eps))));
          const scaled = f(inverse * elementOf(weight, c, 1));
          const alpha = f(scaled * f(x.scale / out.scale));
          const beta = f(f(elementOf(bias, c, 0) - f((floats(mean)[c] as number) * scaled)) / out.scale);
          for (let n = 0; n < count; n++) {
            const start = (n * channels + c) * run;
            for (let i = start; i < start + run; i++) {
              const value = fma(alpha, (data[i] as number) - x.zeroPoint, beta);
              y[i] = quantizeValue(value, 1, out.zeroPoint, low, qmax);
            }
          }
        }
      }),
    ];
  },
};

function elementOf(operand: Operand | null | undefined, i: number, otherwise: number): number {
  return operand ? (floats(operand)[i] as number) : otherwise;
}

/**
 * Normalises each run of `n` codes and quantizes. With d = code - xZeroPoint, S1 = sum d and S2 = sum d d, which are
 * exact integers: in double, each operation rounded, mean = S1 / n, variance = max(S2 / n - mean mean, 0),
 * r = xScale / sqrt(variance xScale xScale + eps); then in float32 t = f(f(d - f(mean)) f(r)),
 * y = quantize(fma(t, weight, bias)), where `parameter` says which weight and bias an element has.
 */
function normalized(
  [xOperand, weight, bias]: readonly (Operand | null)[],
  attrs: Attrs,
  n: number,
  parameter: (run: number, i: number) => number,
): Tensor[] {
  const { type, data, dims } = codesOf(xOperand);
  const { qmin, qmax } = codeRange(type);
  const [x, out] = [qparamsOf(attrs, 'x'), qparamsOf(attrs, '')];
  const inverse = inverseScale(out.scale);
  const eps = f(attrs.eps as number);
  return [
    codesTensor(type, dims, (y) => {
      for (let start = 0, run = 0; start < data.length; start += n, run++) {
        let [sum, squares] = [0, 0];
        for (let i = start; i < start + n; i++) {
          const d = (data[i] as number) - x.zeroPoint;
          sum += d;
          squares += d * d;
        }
        const mean = sum / n;
        const center = f(mean);
        const variance = Math.max(squares / n - mean * mean, 0);
        const rate = f(x.scale / Math.sqrt(variance * x.scale * x.scale + eps));
        for (let i = 0; i < n; i++) {
          const t = f(f((data[start + i] as number) - x.zeroPoint - center) * rate);
          const at = parameter(run, i);
          const value = fma(t, elementOf(weight, at, 1), elementOf(bias, at, 0));
          y[start + i] = quantizeValue(value, inverse, out.zeroPoint, qmin, qmax);
        }
      }
    }),
  ];
}

/**
 * Layer normalisation of codes over the last `axes` dimensions (`normalized`); weight and bias have those dims.
 * PyTorch's `quantized::layer_norm`.
 */
export const quantizedLayerNorm: OpDef = {
  name: 'quantized::layer_norm',
  opcode: 71,
  inputs: ['x', 'weight?', 'bias?'],
  attrs: { axes: 'int', eps: 'float', ...QPARAMS },
  outputs: ['y'],
  infer([xMeta, weight, bias], attrs) {
    const x = codesMeta(this.name, 'x', xMeta);
    const axes = attrNumber(attrs, 'axes', 1);
    if (axes < 1 || x.dims.length < axes) throw shapeError(this.name, `x of rank ${axes} or more`, x.dims);
    checkFloats(this.name, { 'weight?': weight, 'bias?': bias }, x.dims.slice(-axes));
    checkEps(this.name, attrs);
    checkQParamAttrs(this.name, attrs, x.dtype, 'x', '');
    return [x];
  },
  reference(inputs, attrs) {
    const n = sizeOf(codesOf(inputs[0]).dims.slice(-attrNumber(attrs, 'axes', 1)));
    return normalized(inputs, attrs, n, (_, i) => i);
  },
};

/**
 * Group normalisation of codes x [n, channels, ...], `groups` runs of channels an item (`normalized`); weight and bias
 * [channels]. With as many groups as channels it is instance normalisation. PyTorch's `quantized::group_norm` and
 * `instance_norm`.
 */
export const quantizedGroupNorm: OpDef = {
  name: 'quantized::group_norm',
  opcode: 72,
  inputs: ['x', 'weight?', 'bias?'],
  attrs: { groups: 'int', eps: 'float', ...QPARAMS },
  outputs: ['y'],
  infer([xMeta, weight, bias], attrs) {
    const x = codesMeta(this.name, 'x', xMeta);
    const groups = attrNumber(attrs, 'groups', 1);
    const channels = x.dims[1] as number;
    if (x.dims.length < 2 || !Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
      throw shapeError(this.name, `x [n, ${groups} * channels, ...]`, x.dims);
    }
    checkFloats(this.name, { 'weight?': weight, 'bias?': bias }, [channels]);
    checkEps(this.name, attrs);
    checkQParamAttrs(this.name, attrs, x.dtype, 'x', '');
    return [x];
  },
  reference(inputs, attrs) {
    const { dims } = codesOf(inputs[0]);
    const groups = attrNumber(attrs, 'groups', 1);
    const channels = (dims[1] as number) / groups;
    const spatial = sizeOf(dims.slice(2));
    return normalized(
      inputs,
      attrs,
      channels * spatial,
      (run, i) => (run % groups) * channels + Math.floor(i / spatial),
    );
  },
};
