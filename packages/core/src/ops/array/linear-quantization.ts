import { OctavoError } from '../../errors.js';
import { onnxQParams, type QParams } from '../../numerics/choose-qparams.js';
import { clamp, rint } from '../../numerics/round.js';
import { DTYPES, type DType, QUANTIZED_DTYPES, type TypedArray } from '../../tensor/dtype.js';
import { checkAxis, type Dims, sizeOf } from '../../tensor/shape.js';
import { denseStrides } from '../../tensor/strided.js';
import { Tensor } from '../../tensor/tensor.js';
import { dtypeOfCode } from '../cast.js';
import { attrNumber, dimsOf, floats, shapeError, tensorMeta } from '../check.js';
import type { Attrs, OpDef, Operand, OperandMeta } from '../op-def.js';

const f = Math.fround;

// ONNX's quantization (operators QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear), which differs from PyTorch's:
// it divides by the scale instead of multiplying by the reciprocal, and chooses dynamic ranges in float32.

/** Codes with their range, of the dtypes that quantized tensors are stored in. */
function codeRange(op: string, dtype: DType): { qmin: number; qmax: number } {
  for (const { storage, qmin, qmax } of Object.values(QUANTIZED_DTYPES)) if (storage === dtype) return { qmin, qmax };
  throw new OctavoError('INVALID_DTYPE', `[${op}] codes are uint8, int8 or int32, not ${dtype}`);
}

/** The place of the scale of element `at` of a tensor of `dims`. */
type ScaleIndex = (at: number) => number;

/**
 * How scales lie over x: one; one for each index of `axis`; or, of x's rank, one for each block of `blockSize` along
 * `axis`.
 */
function scaleIndex(op: string, dims: Dims, scales: Dims, attrs: Attrs): ScaleIndex {
  if (sizeOf(scales) === 1 && scales.length <= 1) return () => 0;
  const axis = checkAxis(attrNumber(attrs, 'axis', 1), dims.length, op);
  const block = attrNumber(attrs, 'blockSize', 0);
  const strides = denseStrides(dims);
  if (block === 0) {
    if (scales.length !== 1 || scales[0] !== dims[axis]) throw shapeError(op, `${dims[axis]} scales`, scales);
    return (at) => Math.floor(at / (strides[axis] as number)) % (dims[axis] as number);
  }
  const blocks = dims.map((dim, i) => (i === axis ? Math.ceil(dim / block) : dim));
  if (blocks.join() !== scales.join()) throw shapeError(op, `scales [${blocks.join(', ')}]`, scales);
  const own = denseStrides(blocks);
  return (at) => {
    let place = 0;
    for (let d = 0; d < dims.length; d++) {
      const index = Math.floor(at / (strides[d] as number)) % (dims[d] as number);
      place += (d === axis ? Math.floor(index / block) : index) * (own[d] as number);
    }
    return place;
  };
}

function checkQParams(
  op: string,
  scale: OperandMeta | null | undefined,
  zero: OperandMeta | null | undefined,
  codes: DType,
): Dims {
  const { dims } = tensorMeta(op, 'scale', scale, 'float32');
  if (zero) {
    const zeroDims = tensorMeta(op, 'zeroPoint', zero, codes).dims;
    if (sizeOf(zeroDims) !== sizeOf(dims)) throw shapeError(op, 'as many zero points as scales', dims, zeroDims);
  }
  return dims;
}

function zeroPoints(operand: Operand | null | undefined): (place: number) => number {
  if (!operand) return () => 0;
  const { data } = (operand as Tensor<'int32'>).raw;
  return (place) => data[place] as number;
}

const LAYOUT = { axis: 'int', blockSize: 'int' } as const;

/** code = clamp(rint(x / scale) + zeroPoint) of dtype `dtype`; NaN becomes the zero point. x float32 or int32. */
const quantizeLinear: OpDef = {
  name: 'octavo::quantize_linear',
  opcode: 161,
  inputs: ['x', 'scale', 'zeroPoint?'],
  attrs: { ...LAYOUT, dtype: 'int' },
  outputs: ['codes'],
  infer([xMeta, scale, zero], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32', 'int32');
    const dtype = dtypeOfCode(this.name, attrNumber(attrs, 'dtype', DTYPES.uint8.code));
    codeRange(this.name, dtype);
    scaleIndex(this.name, x.dims, checkQParams(this.name, scale, zero, dtype), attrs);
    return [{ dtype, dims: x.dims }];
  },
  reference([x, scale, zero], attrs) {
    const dtype = dtypeOfCode(this.name, attrNumber(attrs, 'dtype', DTYPES.uint8.code));
    const { data, dims } = (x as Tensor<'float32' | 'int32'>).raw;
    const index = scaleIndex(this.name, dims, dimsOf(scale), attrs);
    const zeroOf = zeroPoints(zero);
    const { qmin, qmax } = codeRange(this.name, dtype);
    const codes = new DTYPES[dtype].array(data.length) as Int32Array;
    for (let i = 0; i < codes.length; i++) {
      const place = index(i);
      const steps = rint(f(f(data[i] as number) / (floats(scale)[place] as number)));
      codes[i] = clamp((Number.isNaN(steps) ? 0 : steps) + zeroOf(place), qmin, qmax);
    }
    return [new Tensor(dtype, codes, dims)];
  },
};

/** float32 (code - zeroPoint) * scale. */
const dequantizeLinear: OpDef = {
  name: 'octavo::dequantize_linear',
  opcode: 162,
  inputs: ['codes', 'scale', 'zeroPoint?'],
  attrs: LAYOUT,
  outputs: ['y'],
  infer([codesMeta, scale, zero], attrs) {
    const codes = tensorMeta(this.name, 'codes', codesMeta, 'uint8', 'int8', 'int32');
    scaleIndex(this.name, codes.dims, checkQParams(this.name, scale, zero, codes.dtype), attrs);
    return [{ dtype: 'float32', dims: codes.dims }];
  },
  reference([codes, scale, zero], attrs) {
    const { data, dims } = (codes as Tensor<'uint8'>).raw;
    const index = scaleIndex(this.name, dims, dimsOf(scale), attrs);
    const zeroOf = zeroPoints(zero);
    const y = new Float32Array(data.length);
    for (let i = 0; i < y.length; i++) {
      const place = index(i);
      y[i] = f((data[i] as number) - zeroOf(place)) * (floats(scale)[place] as number);
    }
    return [new Tensor('float32', y, dims)];
  },
};

/** The range of x, as `onnxQParams` divides it. */
export function onnxDynamicQParams(x: Float32Array, from = 0, to = x.length): QParams {
  let [min, max] = [0, 0];
  for (let i = from; i < to; i++) {
    const value = x[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return onnxQParams(min, max);
}

/** The code of x under those qparams. */
export function onnxCode(x: number, scale: number, zeroPoint: number): number {
  const steps = rint(f(x / scale));
  return clamp((Number.isNaN(steps) ? 0 : steps) + zeroPoint, 0, 255);
}

/** x float32 -> uint8 codes, scale float32 [], zeroPoint uint8 [], by the range of x. */
const dynamicQuantizeLinear: OpDef = {
  name: 'octavo::dynamic_quantize_linear',
  opcode: 163,
  inputs: ['x'],
  attrs: {},
  outputs: ['codes', 'scale', 'zeroPoint'],
  infer([xMeta]) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    return [
      { dtype: 'uint8', dims: x.dims },
      { dtype: 'float32', dims: [] },
      { dtype: 'uint8', dims: [] },
    ];
  },
  reference([x]) {
    const data = floats(x);
    const { scale, zeroPoint } = onnxDynamicQParams(data);
    return [
      new Tensor(
        'uint8',
        Uint8Array.from(data, (value) => onnxCode(value, scale, zeroPoint)),
        dimsOf(x),
      ),
      new Tensor('float32', Float32Array.of(scale), []),
      new Tensor('uint8', Uint8Array.of(zeroPoint), []),
    ];
  },
};

/**
 * Codes of exact sums: clamp(rint(f(acc * multiplier)) + zeroPoint). multiplier float32, one or one for each index of
 * `axis`; zeroPoint, one or as many as multipliers, says the dtype of the codes.
 */
const requantizeLinear: OpDef = {
  name: 'octavo::requantize_linear',
  opcode: 166,
  inputs: ['acc', 'multiplier', 'zeroPoint'],
  attrs: { axis: 'int' },
  outputs: ['codes'],
  infer([accMeta, multiplier, zero], attrs) {
    const { dims } = tensorMeta(this.name, 'acc', accMeta, 'int32');
    const scales = tensorMeta(this.name, 'multiplier', multiplier, 'float32').dims;
    const codes = tensorMeta(this.name, 'zeroPoint', zero, 'uint8', 'int8');
    scaleIndex(this.name, dims, scales, attrs);
    const count = sizeOf(codes.dims);
    if (count !== 1 && count !== sizeOf(scales)) {
      throw shapeError(this.name, 'one zero point, or as many as multipliers', codes.dims, scales);
    }
    return [{ dtype: codes.dtype, dims }];
  },
  reference([acc, multiplier, zero], attrs) {
    const { data, dims } = (acc as Tensor<'int32'>).raw;
    const { type, raw } = zero as Tensor<'uint8' | 'int8'>;
    const index = scaleIndex(this.name, dims, dimsOf(multiplier), attrs);
    const { qmin, qmax } = codeRange(this.name, type);
    const codes = new DTYPES[type].array(data.length);
    for (let i = 0; i < codes.length; i++) {
      const place = index(i);
      const zeroPoint = raw.data[raw.data.length === 1 ? 0 : place] as number;
      codes[i] = clamp(rint(f(f(data[i] as number) * (floats(multiplier)[place] as number))) + zeroPoint, qmin, qmax);
    }
    return [new Tensor(type, codes as TypedArray as never, dims)];
  },
};

export const LINEAR_QUANTIZATION_OPS = { quantizeLinear, dequantizeLinear, dynamicQuantizeLinear, requantizeLinear };
