import { OctavoError } from '../errors.js';
import { chooseQParams, finiteRange, onnxQParams } from '../numerics/choose-qparams.js';
import { fma } from '../numerics/fma.js';
import { inverseScale, quantizeFused } from '../numerics/quantize.js';
import type { LinearPackedParams } from '../tensor/linear-packed-params.js';
import { type Dims, sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { activationOf, checkActivation } from './activation.js';
import { onnxCode } from './array/linear-quantization.js';
import { attrNumber, dimsOf, floats, packedMeta, shapeError, tensorMeta } from './check.js';
import type { Attrs, OpDef, OperandMeta } from './op-def.js';

const f = Math.fround;

/**
 * How a dynamic range is chosen: PyTorch's one a tensor; ours, one for each row of the last dimension; or ONNX's one a
 * tensor, for imported graphs (`onnxQParams`), which has no reduced form.
 */
export const DYNAMIC_SCHEMES = { perTensor: 0, perRow: 1, onnx: 2 } as const;
export type DynamicScheme = keyof typeof DYNAMIC_SCHEMES;

function checkScheme(op: string, attrs: Attrs): void {
  if (attrNumber(attrs, 'scheme', 0) !== DYNAMIC_SCHEMES.onnx || attrNumber(attrs, 'reduceRange', 0) === 0) return;
  throw new OctavoError('INVALID_ARGUMENT', `[${op}] the scheme 'onnx' has no reduced range; set reduceRange to 0`);
}

/** [rows, columns] of a tensor seen as a matrix whose rows are its last dimension. */
function matrixOf(dims: Dims): [number, number] {
  return [sizeOf(dims.slice(0, -1)), dims.at(-1) as number];
}

/**
 * Ranges and uint8 codes of an activation, at run time. x [..., k] float32 -> codes [..., k] uint8,
 * scales float32 [rows] and zeroPoints int32 [rows] (perTensor: the same pair for every row).
 * code = clamp(rint(fma(x, 1 / scale, zeroPoint)), 0, 255): FBGEMM's form, with the zero point inside the rounding; of the
 * scheme onnx clamp(rint(x / scale) + zeroPoint, 0, 255).
 * NaN becomes the zero point, infinities saturate, and neither counts in a range. The codes may pass 127 with
 * `reduceRange`, as PyTorch's do.
 */
export const quantizeDynamicRows: OpDef = {
  name: 'octavo::quantize_dynamic',
  opcode: 2,
  inputs: ['x'],
  attrs: { scheme: 'int', reduceRange: 'int' },
  outputs: ['codes', 'scales', 'zeroPoints'],
  infer([xMeta], attrs) {
    checkScheme(this.name, attrs);
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    if (x.dims.length < 1) throw shapeError(this.name, 'x [..., k]', x.dims);
    const [rows] = matrixOf(x.dims);
    return [
      { dtype: 'uint8', dims: x.dims },
      { dtype: 'float32', dims: [rows] },
      { dtype: 'int32', dims: [rows] },
    ];
  },
  reference([x], attrs) {
    const data = floats(x);
    const [rows, columns] = matrixOf(dimsOf(x));
    const codes = new Uint8Array(data.length);
    const scales = new Float32Array(rows);
    const zeroPoints = new Int32Array(rows);
    const reduceRange = attrNumber(attrs, 'reduceRange', 0) === 1;
    const scheme = attrNumber(attrs, 'scheme', 0);
    const perRow = scheme === DYNAMIC_SCHEMES.perRow;
    for (let row = 0; row < rows; row++) {
      if (perRow || row === 0) {
        const range = finiteRange(data, row * columns, perRow ? columns : data.length);
        const { scale, zeroPoint } =
          scheme === DYNAMIC_SCHEMES.onnx
            ? onnxQParams(range.min, range.max)
            : chooseQParams(range.min, range.max, { reduceRange });
        scales[row] = scale;
        zeroPoints[row] = zeroPoint;
      } else {
        scales[row] = scales[0] as number;
        zeroPoints[row] = zeroPoints[0] as number;
      }
      const scale = scales[row] as number;
      const inverse = inverseScale(scale);
      const zeroPoint = zeroPoints[row] as number;
      for (let i = row * columns; i < (row + 1) * columns; i++) {
        const value = data[i] as number;
        codes[i] =
          scheme === DYNAMIC_SCHEMES.onnx
            ? onnxCode(value, scale, zeroPoint)
            : quantizeFused(value, inverse, zeroPoint);
      }
    }
    return [
      new Tensor('uint8', codes, dimsOf(x)),
      new Tensor('float32', scales, [rows]),
      new Tensor('int32', zeroPoints, [rows]),
    ];
  },
};

/**
 * A linear over codes and their ranges: codes uint8 [..., in], scales and zeroPoints [rows], or [1] for all rows (a static
 * range), packed weight [out, in]
 * -> float32 [..., out]. acc = sum of (code - zeroPoint) * (weight - weightZeroPoint), exact int32; then
 * y = fma(float(acc), scale * weightScale, bias), or the plain product without a bias.
 */
export const linearQuantized: OpDef = {
  name: 'octavo::linear_quantized',
  opcode: 3,
  inputs: ['codes', 'scales', 'zeroPoints', 'packed'],
  attrs: { activation: 'int' },
  outputs: ['y'],
  infer([codesMeta, scalesMeta, zeroPointsMeta, packedParams], attrs) {
    checkActivation(this.name, attrs);
    const codes = tensorMeta(this.name, 'codes', codesMeta, 'uint8');
    const scales = tensorMeta(this.name, 'scales', scalesMeta, 'float32');
    const zeroPoints = tensorMeta(this.name, 'zeroPoints', zeroPointsMeta, 'int32');
    const packed = packedMeta(this.name, 'packed', packedParams);
    const dims = linearDims(this.name, codes.dims, packed);
    const [rows] = matrixOf(codes.dims);
    const ranges = sizeOf(scales.dims);
    if ((ranges !== rows && ranges !== 1) || sizeOf(zeroPoints.dims) !== ranges) {
      const expected = `one scale and zero point, or one for each of ${rows} rows`;
      throw shapeError(this.name, expected, scales.dims, zeroPoints.dims);
    }
    return [{ dtype: 'float32', dims }];
  },
  reference([codes, scales, zeroPoints, packed], attrs) {
    const { weight, bias } = packed as LinearPackedParams;
    const weightCodes = weight.values.raw.data as Int8Array;
    const [n, k] = weight.dims as [number, number];
    const [m] = matrixOf(dimsOf(codes));
    const a = (codes as Tensor<'uint8'>).raw.data;
    const zeros = (zeroPoints as Tensor<'int32'>).raw.data;
    const shared = zeros.length === 1;
    const activation = activationOf(attrNumber(attrs, 'activation', 0));
    const y = new Float32Array(m * n);
    for (let row = 0; row < m; row++) {
      const zeroPoint = zeros[shared ? 0 : row] as number;
      const scale = floats(scales)[shared ? 0 : row] as number;
      for (let column = 0; column < n; column++) {
        const channel = weight.axis === null ? 0 : column;
        const weightZero = weight.zeroPoints[channel] as number;
        let sum = 0;
        for (let p = 0; p < k; p++) {
          const product =
            ((a[row * k + p] as number) - zeroPoint) * ((weightCodes[column * k + p] as number) - weightZero);
          sum = (sum + product) | 0;
        }
        const weightScale = weight.scales[channel] as number;
        const multiplier = f(scale * weightScale);
        const value = bias === null ? f(f(sum) * multiplier) : fma(f(sum), multiplier, bias.raw.data[column] as number);
        y[row * n + column] = activation(value);
      }
    }
    return [new Tensor('float32', y, [...dimsOf(codes).slice(0, -1), n])];
  },
};

/**
 * Dynamically quantized linear, PyTorch's op of that name: `octavo::quantize_dynamic` then `octavo::linear_quantized`.
 * Eager modules call it whole; a lowered graph runs the parts, so that Q, K and V share one quantized input.
 */
export const linearDynamic: OpDef = {
  name: 'quantized::linear_dynamic',
  opcode: 4,
  inputs: ['x', 'packed'],
  attrs: { scheme: 'int', reduceRange: 'int', activation: 'int' },
  outputs: ['y'],
  infer([xMeta, packedParams]: readonly (OperandMeta | null)[], attrs) {
    checkActivation(this.name, attrs);
    checkScheme(this.name, attrs);
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    return [{ dtype: 'float32', dims: linearDims(this.name, x.dims, packedMeta(this.name, 'packed', packedParams)) }];
  },
  reference([x, packed], attrs: Attrs) {
    const quantized = quantizeDynamicRows.reference([x as Tensor], attrs);
    return linearQuantized.reference([...quantized, packed as LinearPackedParams], attrs);
  },
};

function linearDims(op: string, x: Dims, packed: LinearPackedParams): number[] {
  if (x.length < 1 || x.at(-1) !== packed.inFeatures) {
    throw shapeError(op, `x [..., ${packed.inFeatures}] for a packed weight`, x, packed.weight.dims);
  }
  return [...x.slice(0, -1), packed.outFeatures];
}
