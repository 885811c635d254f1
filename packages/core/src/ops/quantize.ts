import { OctavoError } from '../errors.js';
import { dequantizeValue, inverseScale, quantizeFused, quantizeValue } from '../numerics/quantize.js';
import { DTYPES, type DType, QUANTIZED_DTYPES } from '../tensor/dtype.js';
import { checkAxis, type Dims, sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { dtypeOfCode } from './cast.js';
import { attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { Attrs, OpDef, Operand, OperandMeta } from './op-def.js';

// Codes from floats and back. Scales and zero points are operands, so that a graph may compute them.

/** How an array of qparams lies over a tensor: element i belongs to pair floor(i / run) mod count. */
interface Layout {
  readonly count: number;
  readonly run: number;
}

/** `axis` of `aten::dequantize` for one pair a row of the last dimension. */
export const PER_ROW = -2;
/** `axis` of `aten::dequantize` for one pair for the whole tensor. */
export const PER_TENSOR = -1;

function layoutOf(op: string, dims: Dims, axis: number): Layout {
  if (axis === PER_TENSOR) return { count: 1, run: Math.max(sizeOf(dims), 1) };
  if (axis === PER_ROW) {
    if (dims.length < 1) throw shapeError(op, 'a tensor with rows [..., k]', dims);
    return { count: sizeOf(dims.slice(0, -1)), run: dims.at(-1) as number };
  }
  if (dims.length < 1 || axis < 0) throw shapeError(op, `a tensor with an axis ${axis}`, dims);
  const resolved = checkAxis(axis, dims.length, op);
  return { count: dims[resolved] as number, run: sizeOf(dims.slice(resolved + 1)) };
}

function checkQParams(
  op: string,
  scales: OperandMeta | null | undefined,
  zeros: OperandMeta | null | undefined,
  count: number,
): void {
  const { dims } = tensorMeta(op, 'scales', scales, 'float32');
  const { dims: zeroDims } = tensorMeta(op, 'zeroPoints', zeros, 'int32');
  if (sizeOf(dims) !== count || sizeOf(zeroDims) !== count) {
    throw shapeError(op, `${count} scales and zero points`, dims, zeroDims);
  }
}

/** Calls `each` for every run of elements that share a pair: its bounds, scale and zero point. */
function forEachRun(
  length: number,
  { count, run }: Layout,
  scales: Operand | null | undefined,
  zeroPoints: Operand | null | undefined,
  each: (start: number, end: number, scale: number, zeroPoint: number) => void,
): void {
  const zeros = (zeroPoints as Tensor<'int32'>).raw.data;
  for (let start = 0, pair = 0; start < length; start += run, pair = (pair + 1) % count) {
    each(start, start + run, floats(scales)[pair] as number, zeros[pair] as number);
  }
}

/** The storage dtype a `dtype` attribute asks codes in, with its range. */
function codesOf(op: string, attrs: Attrs): { dtype: DType; qmin: number; qmax: number } {
  const dtype = dtypeOfCode(op, attrNumber(attrs, 'dtype', DTYPES.uint8.code));
  for (const { storage, qmin, qmax } of Object.values(QUANTIZED_DTYPES))
    if (storage === dtype) return { dtype, qmin, qmax };
  throw new OctavoError('INVALID_DTYPE', `[${op}] codes are uint8, int8 or int32, not ${dtype}`);
}

function quantized(
  op: string,
  [x, scales, zeroPoints]: readonly (Operand | null)[],
  attrs: Attrs,
  axis: number,
): Tensor[] {
  const { dtype, qmin, qmax } = codesOf(op, attrs);
  const data = floats(x);
  const codes = new DTYPES[dtype].array(data.length) as Int32Array;
  forEachRun(data.length, layoutOf(op, dimsOf(x), axis), scales, zeroPoints, (start, end, scale, zeroPoint) => {
    const inverse = inverseScale(scale);
    for (let i = start; i < end; i++) codes[i] = quantizeValue(data[i] as number, inverse, zeroPoint, qmin, qmax);
  });
  return [new Tensor(dtype, codes, dimsOf(x))];
}

/**
 * `torch.quantize_per_tensor`'s codes: x float32 of any shape, scale float32 [1], zeroPoint int32 [1] -> codes of dtype
 * `dtype` (code of uint8, int8 or int32) = clamp(zeroPoint + rint(x * (1 / scale))), saturating, NaN to the zero point.
 */
export const quantizePerTensor: OpDef = {
  name: 'aten::quantize_per_tensor',
  opcode: 32,
  inputs: ['x', 'scale', 'zeroPoint'],
  attrs: { dtype: 'int' },
  outputs: ['codes'],
  infer([xMeta, scale, zeroPoint], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    checkQParams(this.name, scale, zeroPoint, 1);
    return [{ dtype: codesOf(this.name, attrs).dtype, dims: x.dims }];
  },
  reference(inputs, attrs) {
    return quantized(this.name, inputs, attrs, PER_TENSOR);
  },
};

/**
 * uint8 codes of a dynamic op's input: x float32 [..., k], scales float32 [rows], zeroPoints int32 [rows] -> codes
 * [..., k]. The fused form of `octavo::quantize_dynamic`, and so its codes.
 */
export const quantizePerRow: OpDef = {
  name: 'octavo::quantize_per_row',
  opcode: 33,
  inputs: ['x', 'scales', 'zeroPoints'],
  attrs: {},
  outputs: ['codes'],
  infer([xMeta, scales, zeroPoints]) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    checkQParams(this.name, scales, zeroPoints, layoutOf(this.name, x.dims, PER_ROW).count);
    return [{ dtype: 'uint8', dims: x.dims }];
  },
  reference([x, scales, zeroPoints]) {
    const data = floats(x);
    const codes = new Uint8Array(data.length);
    forEachRun(
      data.length,
      layoutOf(this.name, dimsOf(x), PER_ROW),
      scales,
      zeroPoints,
      (start, end, scale, zeroPoint) => {
        const inverse = inverseScale(scale);
        for (let i = start; i < end; i++) codes[i] = quantizeFused(data[i] as number, inverse, zeroPoint);
      },
    );
    return [new Tensor('uint8', codes, dimsOf(x))];
  },
};

/** `torch.quantize_per_channel`'s codes: one scale and zero point for each index of `axis`; else as per tensor. */
export const quantizePerChannel: OpDef = {
  name: 'aten::quantize_per_channel',
  opcode: 34,
  inputs: ['x', 'scales', 'zeroPoints'],
  attrs: { axis: 'int', dtype: 'int' },
  outputs: ['codes'],
  infer([xMeta, scales, zeroPoints], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    checkQParams(this.name, scales, zeroPoints, channelLayout(this.name, x.dims, attrs).count);
    return [{ dtype: codesOf(this.name, attrs).dtype, dims: x.dims }];
  },
  reference(inputs, attrs) {
    return quantized(this.name, inputs, attrs, attrNumber(attrs, 'axis', 0));
  },
};

function channelLayout(op: string, dims: Dims, attrs: Attrs): Layout {
  const axis = attrNumber(attrs, 'axis', 0);
  if (axis < 0) throw new OctavoError('INVALID_ARGUMENT', `[${op}] axis must be 0 or more, got ${axis}`);
  return layoutOf(op, dims, axis);
}

/**
 * Floats from codes: codes uint8, int8 or int32 of any shape -> float32 (code - zeroPoint) * scale. `axis` -1 takes
 * one pair for the tensor, 0 or more one for each index of that axis, -2 one for each row of the last dimension.
 */
export const dequantize: OpDef = {
  name: 'aten::dequantize',
  opcode: 35,
  inputs: ['codes', 'scales', 'zeroPoints'],
  attrs: { axis: 'int' },
  outputs: ['y'],
  infer([codesMeta, scales, zeroPoints], attrs) {
    const { dims } = tensorMeta(this.name, 'codes', codesMeta, 'uint8', 'int8', 'int32');
    checkQParams(this.name, scales, zeroPoints, layoutOf(this.name, dims, attrNumber(attrs, 'axis', PER_TENSOR)).count);
    return [{ dtype: 'float32', dims }];
  },
  reference([codes, scales, zeroPoints], attrs) {
    const { data, dims } = (codes as Tensor<'uint8'>).raw;
    const y = new Float32Array(data.length);
    const layout = layoutOf(this.name, dims, attrNumber(attrs, 'axis', PER_TENSOR));
    forEachRun(data.length, layout, scales, zeroPoints, (start, end, scale, zeroPoint) => {
      for (let i = start; i < end; i++) y[i] = dequantizeValue(data[i] as number, scale, zeroPoint);
    });
    return [new Tensor('float32', y, dims)];
  },
};
